import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { expectNothingFound } from '../../helpers/checker.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { type ClusterRig, standalone, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
/** 30 minutes in the long form. */
const MINUTES = Number(process.env.CHAOS_SOAK_MINUTES ?? 0.25);
const DEVICES = 50;
/** Three keys of a reading, packed and not yet packed, with what lies around them. */
const BYTES_PER_MESSAGE = 400;

interface Size {
  readonly keys: number;
  readonly bytes: number;
  readonly rssMiB: number;
  readonly acked: number;
}

it(`chaos: ${MINUTES} min of work and reconnects leave no key and no memory behind (CHAOS_SEED=${seed})`, {
  timeout: 120_000 + MINUTES * 90_000,
}, async () => {
  await using redis = await startRedis({ durable: true });
  await using rig = await startClusterRig(standalone(redis), { env: { LOG_LEVEL: 'info' } });
  const fleet = await rig.fleet({
    ...{ seed, groups: DEVICES, messages: 1_000_000, parallel: DEVICES, window: 2, shape: 'alone' },
    ...{ paceMs: 50, restless: 0.01 },
  });
  await fleet.until(({ acked }) => acked > DEVICES * 40, 'a warm start', 60_000);
  const sizes: Size[] = [];
  const end = performance.now() + MINUTES * 60_000;
  while (performance.now() < end) {
    sizes.push(await sizeOf(redis, rig, fleet.progress.acked));
    await pause(Math.min(5_000, MINUTES * 6_000));
  }
  await fleet.stop(60_000);
  const { findings } = await rig.judge({ counts: await rig.counts() });
  const half = Math.floor(sizes.length / 2);
  const [before, after] = [middleOf(sizes.slice(0, half)), middleOf(sizes.slice(half))];
  const messages = after.acked - before.acked;
  const bytes = (after.bytes - before.bytes) / messages;
  console.log(
    `${fleet.progress.acked} messages, ${fleet.progress.logins} logins; keys ${before.keys} and ${after.keys}, a broker's memory ` +
      `${before.rssMiB.toFixed(1)} and ${after.rssMiB.toFixed(1)} MiB, Redis ${bytes.toFixed(0)} bytes more per message stored (first half, second half)`,
  );
  const step = Math.ceil(sizes.length / 6);
  const course = sizes.filter((_, at) => at % step === 0);
  console.log(
    course.map(({ acked, rssMiB, bytes: all }) => `${acked}: ${rssMiB.toFixed(0)} MiB, ${mib(all)} MiB`).join('; '),
  );
  expectNothingFound(findings);
  expect(after.keys).toBeLessThanOrEqual(before.keys * 1.05 + 20);
  expect(after.rssMiB).toBeLessThan(before.rssMiB * 1.05 + 20);
  expect(bytes).toBeLessThan(BYTES_PER_MESSAGE);
});

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

async function sizeOf({ client }: TestRedis, { members }: ClusterRig, acked: number): Promise<Size> {
  const bytes = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const rss = await Promise.all(members.map(({ rssMiB }) => rssMiB()));
  return { keys: await client.dbsize(), bytes, rssMiB: Math.max(...rss), acked };
}

/** The median of each. */
function middleOf(sizes: readonly Size[]): Size {
  const middle = (of: (size: Size) => number): number =>
    sizes.map(of).sort((a, b) => a - b)[Math.floor(sizes.length / 2)] ?? 0;
  return {
    keys: middle(({ keys }) => keys),
    bytes: middle(({ bytes }) => bytes),
    rssMiB: middle(({ rssMiB }) => rssMiB),
    acked: middle(({ acked }) => acked),
  };
}
