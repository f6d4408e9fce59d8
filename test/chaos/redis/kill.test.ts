import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectNothingFound } from '../../helpers/checker.ts';
import type { Moment } from '../../helpers/journal-client.ts';
import { startRedis } from '../../helpers/redis.ts';
import { withLoad } from '../../helpers/with-load.ts';
import { randomOf } from '../random.ts';
import { describeRecoveries, medianWorst, recoveries } from './recovery.ts';
import { standalone, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
/** 50 in the long form. */
const rounds = Number(process.env.CHAOS_CLUSTER_ROUNDS ?? 3);
const MOMENTS: readonly Moment[] = ['connect', 'provision', 'attach', 'attributes', 'telemetry', 'ack', 'any'];
/** The end of its process alone loses nothing with `everysec` either: that is for the machine's. */
const FSYNCS = process.env.CHAOS_LONG ? ['always', 'everysec'] : ['always'];
const TIMEOUT_MS = 120_000 + rounds * 20_000;

describe('chaos: kill -9 behind Redis', () => {
  it(
    `a broker of two, ${rounds} times: nothing acknowledged is lost, and nothing is half done (CHAOS_SEED=${seed})`,
    {
      timeout: TIMEOUT_MS,
    },
    () => killOften('a broker'),
  );

  for (const fsync of FSYNCS) {
    it(
      `Redis itself, appendfsync ${fsync}, ${rounds} times: the same (CHAOS_SEED=${seed})`,
      { timeout: TIMEOUT_MS },
      () => killOften('Redis', fsync),
    );
  }
});

async function killOften(what: 'a broker' | 'Redis', fsync = 'always'): Promise<void> {
  const random = randomOf(seed);
  const pick = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
  await using redis = await startRedis({ durable: true, args: ['--appendfsync', fsync] });
  await using rig = await startClusterRig(standalone(redis));
  const fleet = await rig.fleet({ seed, groups: 8_000, messages: 60, parallel: 12, window: 8 });
  const began = performance.now();
  const readyMs: number[] = [];
  for (let done = 0; done < rounds; done++) {
    const { acked } = fleet.progress;
    await fleet.until((now) => now.acked > acked + 100, 'messages acknowledged after the start', 60_000);
    // Most faults fall into the work of onboarding, each at its own step.
    const moment = MOMENTS[pick(0, MOMENTS.length - 1)] ?? 'any';
    const often = moment === 'telemetry' || moment === 'ack' || moment === 'any';
    const count = pick(1, often ? 800 : 20);
    const delayMs = pick(0, 6);
    const member = rig.members[pick(0, rig.members.length - 1)];
    if (!member) throw new Error('no broker');
    if (what === 'a broker') {
      const killed = member.ended('SIGKILL');
      fleet.arm(member.broker.pid, moment, count, delayMs);
      await killed;
      readyMs.push(await member.startAgain());
    } else {
      const ended = redis.ended();
      fleet.arm(redis.pid, moment, count, delayMs);
      await ended;
      const before = performance.now();
      await redis.restart();
      await rig.ready();
      readyMs.push(performance.now() - before);
    }
  }
  fleet.disarm();
  await fleet.stop(60_000);
  const { findings, lines } = await rig.judge({ counts: await rig.counts() });
  const kills = lines.filter(({ e }) => e === 'kill').map(({ t }) => t);
  const felt = recoveries(lines, kills);
  readyMs.sort((a, b) => a - b);
  const { provisioned, acked, attached, closed } = fleet.progress;
  console.log(
    `${kills.length} kills of ${what} in ${Math.round((performance.now() - began) / 1000)} s: ${describeRecoveries(felt)}; ready again ` +
      `after ${Math.round(readyMs[Math.floor(readyMs.length / 2)] ?? 0)} ms (median), ${Math.round(readyMs.at(-1) ?? 0)} ms (worst); ` +
      `${provisioned} devices provisioned, ${attached} told attached, ${acked} messages acknowledged, ${closed} connections ended`,
  );
  expectNothingFound(findings);
  expect(kills).toHaveLength(rounds);
  expect(acked).toBeGreaterThan(rounds * 100);
  // Of half of the kills, since what else the machine does is not the broker's.
  expect(medianWorst(felt)).toBeLessThan(withLoad(5_000));
}
