import { describe, expect, it } from 'vitest';
import { startBroker } from '../../helpers/broker.ts';
import { startRedis } from '../../helpers/redis.ts';
import { MAIN } from '../broken-build.ts';
import { RIG_ENV } from '../rig-parts.ts';
import { type Bed, makeBed, SEED, WORKS } from './bed.ts';

/** Entry file of the build before this one: without it there is nothing to go to. */
const OLD = process.env.CHAOS_OLD_MAIN;
const LATER = '9999';

describe(`chaos: another version (CHAOS_SEED=${SEED})`, () => {
  it('F23 a Redis of a later format is refused by name, and left as it is', async () => {
    await using redis = await startRedis();
    await redis.client.set('{gm}:format', LATER);
    await expect(startBroker({ main: MAIN, env: { ...RIG_ENV, REDIS_URL: redis.url } })).rejects.toThrow(
      /STORE_VERSION.*9999/s,
    );
    // The question whether writes are taken has an end of its own.
    expect((await redis.client.keys('*')).filter((key) => key !== '{gm}:pulse')).toEqual(['{gm}:format']);
    expect(await redis.client.get('{gm}:format')).toBe(LATER);
  });

  for (const work of OLD === undefined ? [] : WORKS) {
    it(`F23 from old to new and back, one broker after the other, ${work.name}: every invariant holds`, async () => {
      await using bed = await makeBed(work, { main: OLD ?? MAIN });
      for (const build of [MAIN, OLD]) {
        for (const member of [0, 1]) {
          await replace(bed, member, build ?? MAIN);
          await bed.goesOn();
          await bed.rig.ready();
        }
      }
      await bed.nothingFound();
    });
  }
});

/** As in a rolling upgrade: told to stop, and started from the other build. */
async function replace({ rig, fleet }: Bed, at: number, build: string): Promise<void> {
  const member = rig.members[at];
  if (!member) throw new Error('no such broker');
  const { closed } = fleet.progress;
  const ended = member.ended('SIGTERM');
  await member.broker.kill('SIGTERM');
  await ended;
  const readyMs = await member.startAgain(build);
  console.log(
    `broker ${at + 1} replaced, ready after ${Math.round(readyMs)} ms, ${fleet.progress.closed - closed} sessions moved`,
  );
}
