import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectNothingFound } from '../../helpers/checker.ts';
import { traceOf } from '../../helpers/journal.ts';
import { startRedis } from '../../helpers/redis.ts';
import { standalone, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
/** Names, and devices that want half as many supply points: 1,000 in the long form. */
const NAMES = Number(process.env.CHAOS_RACE ?? 200);
const POINTS = NAMES / 2;

describe('chaos: two brokers want the same', () => {
  it(`of ${NAMES} names that are asked for at the same instant at both, each is one device with one winner (CHAOS_SEED=${seed})`, async () => {
    await using redis = await startRedis({ durable: true });
    await using rig = await startClusterRig(standalone(redis));
    const fleet = await rig.fleet({ seed, groups: NAMES, messages: 2, parallel: 40, window: 2, shape: 'rivals' });
    await fleet.until(() => fleet.finished, 'all devices done', 120_000);
    const { findings, store, lines } = await rig.judge({ counts: await rig.counts() });
    expectNothingFound(findings);
    expect(store.deviceCount).toBe(NAMES);
    const { asks } = traceOf(lines);
    const close = pairsWithin(asks, 5);
    const winners = asks.filter(({ answer }) => answer?.status === 'SUCCESS');
    console.log(`${asks.length} requests for ${NAMES} names, ${close} names asked for at both within 5 ms`);
    expect(winners).toHaveLength(NAMES);
    expect(asks.filter(({ answer }) => answer?.status === 'FAILURE')).toHaveLength(asks.length - NAMES);
    expect(close).toBeGreaterThan(NAMES * 0.9);
  });

  it(`of ${NAMES} devices that attach to ${POINTS} supply points again and again from both, ${POINTS} do, each with one line of history (CHAOS_SEED=${seed})`, async () => {
    await using redis = await startRedis({ durable: true });
    await using rig = await startClusterRig(standalone(redis));
    const fleet = await rig.fleet({
      ...{ seed, groups: POINTS, messages: 5, parallel: 30, window: 4, shape: 'twins', attachEvery: 1 },
      restless: 0.2,
    });
    await fleet.until(() => fleet.finished, 'all devices done', 120_000);
    const { findings, store, lines } = await rig.judge({ counts: await rig.counts() });
    expectNothingFound(findings);
    expect(store.attachments).toHaveLength(POINTS);
    expect(new Set(store.attachments.map(({ stem }) => stem)).size).toBe(POINTS);
    const history = [...store.history.values()].flat();
    expect(history).toHaveLength(POINTS);
    const { publishes, connections } = traceOf(lines);
    const sent = publishes.filter(({ kind }) => kind === 'attach').length;
    console.log(
      `${sent} attachments sent on ${connections.size} connections; ${POINTS} holders, ${history.length} events`,
    );
    expect(sent).toBeGreaterThan(POINTS * 10);
  });
});

/** Names whose first two requests were sent within so many ms. */
function pairsWithin(asks: readonly { readonly name: string; readonly sentAt: number }[], ms: number): number {
  const first = new Map<string, number>();
  const close = new Set<string>();
  for (const { name, sentAt } of asks) {
    const before = first.get(name);
    if (before === undefined) first.set(name, sentAt);
    else if (sentAt - before <= ms) close.add(name);
  }
  return close.size;
}
