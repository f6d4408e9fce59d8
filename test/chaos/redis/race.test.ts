import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeFindings } from '../../helpers/checker.ts';
import { traceOf } from '../../helpers/journal.ts';
import { startRedis } from '../../helpers/redis.ts';
import { standalone, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));

describe('chaos: two brokers want the same', () => {
  it(`of 1,000 names that are asked for at the same instant at both, each is one device with one winner (CHAOS_SEED=${seed})`, async () => {
    await using redis = await startRedis({ durable: true });
    await using rig = await startClusterRig(standalone(redis));
    const fleet = await rig.fleet({ seed, groups: 1_000, messages: 2, parallel: 40, window: 2, shape: 'rivals' });
    await fleet.until(() => fleet.finished, 'all devices done', 120_000);
    const { findings, store, lines } = await rig.judge({ counts: await rig.counts() });
    expect(describeFindings(findings)).toBe('no findings');
    expect(store.deviceCount).toBe(1_000);
    const { asks } = traceOf(lines);
    const close = pairsWithin(asks, 5);
    const winners = asks.filter(({ answer }) => answer?.status === 'SUCCESS');
    console.log(`${asks.length} requests for 1,000 names, ${close} names asked for at both within 5 ms`);
    expect(winners).toHaveLength(1_000);
    expect(asks.filter(({ answer }) => answer?.status === 'FAILURE')).toHaveLength(asks.length - 1_000);
    expect(close).toBeGreaterThan(900);
  });

  it(`of 1,000 devices that attach to 500 supply points again and again from both, 500 do, each with one line of history (CHAOS_SEED=${seed})`, async () => {
    await using redis = await startRedis({ durable: true });
    await using rig = await startClusterRig(standalone(redis));
    const fleet = await rig.fleet({
      ...{ seed, groups: 500, messages: 5, parallel: 30, window: 4, shape: 'twins', attachEvery: 1 },
      restless: 0.2,
    });
    await fleet.until(() => fleet.finished, 'all devices done', 120_000);
    const { findings, store, lines } = await rig.judge({ counts: await rig.counts() });
    expect(describeFindings(findings)).toBe('no findings');
    expect(store.attachments).toHaveLength(500);
    expect(new Set(store.attachments.map(({ stem }) => stem)).size).toBe(500);
    const history = [...store.history.values()].flat();
    expect(history).toHaveLength(500);
    const { publishes, connections } = traceOf(lines);
    const sent = publishes.filter(({ kind }) => kind === 'attach').length;
    console.log(`${sent} attachments sent on ${connections.size} connections; 500 holders, ${history.length} events`);
    expect(sent).toBeGreaterThan(5_000);
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
