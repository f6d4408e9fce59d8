import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { expectNothingFound } from '../../helpers/checker.ts';
import type { JournalClient } from '../../helpers/journal-client.ts';
import { startRedis } from '../../helpers/redis.ts';
import { withLoad } from '../../helpers/with-load.ts';
import { standalone, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
/** 10,000 in the long form. */
const DEVICES = Number(process.env.CHAOS_HERD ?? 500);
/** Of one process. */
const PART = Math.min(DEVICES, 1_000);

it(`chaos: ${DEVICES} devices reconnect to the other broker when theirs dies: all are back within 10 s (CHAOS_SEED=${seed})`, async () => {
  await using redis = await startRedis({ durable: true });
  await using rig = await startClusterRig(standalone(redis), { env: { LOG_LEVEL: 'info' } });
  const fleets: JournalClient[] = [];
  for (let from = 0; from < DEVICES; from += PART) {
    const shape = { groups: PART, messages: 1_000, parallel: PART, window: 1, shape: 'alone' } as const;
    // So rarely that the herd is all there is.
    const fleet = await rig.fleet({
      ...shape,
      seed: seed + from,
      prefix: `herd-${from}`,
      paceMs: 30_000,
      inTurn: true,
    });
    fleets.push(fleet);
    await fleet.until(({ acked, logins }) => logins >= PART && acked >= PART, 'all devices at rest', 180_000);
  }
  const [first, second] = rig.members;
  if (!first || !second) throw new Error('two brokers are needed');
  const rest = await second.rssMiB();
  const ended = first.ended('SIGKILL');
  const at = Date.now();
  await first.broker.kill('SIGKILL');
  await ended;
  await Promise.all(fleets.map((fleet) => fleet.until(({ logins }) => logins >= 2 * PART, 'all devices back', 60_000)));
  const peak = await second.rssMiB();
  for (const fleet of fleets) await fleet.stop(60_000);
  const { findings, lines } = await rig.judge();
  const devices = new Set(lines.flatMap((line) => (line.e === 'open' && line.role === 'device' ? [line.conn] : [])));
  const answers = lines.flatMap((line) =>
    line.e === 'connack' && line.t > at && devices.has(line.conn) ? [line] : [],
  );
  const back = answers.filter(({ code }) => code === 0).map(({ t }) => t - at);
  back.sort((a, b) => a - b);
  const refused = answers.length - back.length;
  const part = (share: number): number => Math.round(back[Math.min(DEVICES, back.length) * share - 1] ?? 0);
  console.log(
    `${DEVICES} devices: half back after ${part(0.5)} ms, 95 % after ${part(0.95)} ms, all after ${part(1)} ms; ${refused} logins refused; ` +
      `memory of the broker that is left ${Math.round(rest)} to ${Math.round(peak)} MiB`,
  );
  expectNothingFound(findings);
  expect(back.length).toBeGreaterThanOrEqual(DEVICES);
  expect(part(1)).toBeLessThan(withLoad(10_000));
});
