import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withLoad } from '../../helpers/with-load.ts';
import { eventually } from '../eventually.ts';
import { type Bed, makeBed, SEED, WORKS } from './bed.ts';

/** Longer than a command waits for its answer, shorter than the silence after which a broker counts as gone. */
const CUT_MS = Number(process.env.CHAOS_CUT_MS ?? 4_000);
/** After so long a broker counts as gone, and its sessions end. */
const GONE_MS = 8_000;
const KEEPALIVE_S = 2;
const UUID_LENGTH = 36;

for (const work of WORKS) {
  describe(`chaos: the network is cut, ${work.name} (CHAOS_SEED=${SEED})`, () => {
    let bed: Bed;
    beforeAll(async () => {
      bed = await makeBed(work, {
        habits: { patienceMs: 1_500 },
        env: { MQTT_DEFAULT_KEEPALIVE_S: String(KEEPALIVE_S) },
      });
    });
    afterAll(() => bed[Symbol.asyncDispose]());

    /** Ready again, and at work, within the time. */
    async function heals(): Promise<void> {
      const healed = performance.now();
      const { closed } = bed.fleet.progress;
      await bed.goesOn();
      const onAfter = performance.now() - healed;
      await bed.rig.ready();
      const readyAfter = performance.now() - healed;
      const ended = bed.fleet.progress.closed - closed;
      console.log(
        `goes on ${Math.round(onAfter)} ms after the cut, ready after ${Math.round(readyAfter)} ms, ${ended} sessions ended`,
      );
      expect(readyAfter).toBeLessThan(withLoad(10_000));
    }

    for (const held of ['requests', 'replies'] as const) {
      it(`F9 between a broker and Redis, ${held} lost: the devices go on at the other broker`, async () => {
        const { toRedis, rig } = bed;
        toRedis[0]?.harm({ held });
        await eventually('the broker is not ready', async () => !(await rig.members[0]?.readiness())?.ready, 20_000);
        await bed.goesOn();
        await pause(CUT_MS / 2);
        toRedis[0]?.harm({});
        await heals();
      });
    }

    it('F9 between a broker and Redis, until it counts as gone: its sessions end once, and it comes back', async () => {
      const { toRedis } = bed;
      toRedis[1]?.harm({ held: 'both' });
      await pause(GONE_MS);
      await bed.goesOn();
      toRedis[1]?.harm({});
      await heals();
    });

    for (const held of ['requests', 'replies', 'both'] as const) {
      it(`F9 between devices and a broker, ${held} lost: they come back by the other one, and no older write overtakes`, async () => {
        const { toBroker } = bed;
        toBroker[0]?.harm({ held });
        await pause(CUT_MS / 2);
        await bed.goesOn();
        toBroker[0]?.harm({});
        await heals();
      });
    }

    for (const keepaliveS of [KEEPALIVE_S, 0]) {
      it(`F10 peers vanish, keep alive ${keepaliveS}: their sessions end within 1.5 x keep alive`, async () => {
        const { rig, toBroker, redis } = bed;
        const prefix = `gone-${keepaliveS}`;
        const plan = { groups: 6, messages: 10_000, parallel: 6, window: 1, shape: 'alone', paceMs: 200 } as const;
        const fleet = await rig.fleet(
          { ...plan, seed: SEED + 1 + keepaliveS, prefix, keepaliveS },
          toBroker.slice(0, 1).map(({ port }) => port),
        );
        await fleet.until(({ acked }) => acked > 30, 'six devices at work', 60_000);
        const ids = await idsOf(bed, prefix);
        const held = async (): Promise<number> =>
          (await redis.client.hmget('{gm}:sessions', ...ids)).filter((text) => text !== null).length;
        expect(await held()).toBe(6);
        toBroker[0]?.harm({ held: 'both' });
        const from = performance.now();
        await eventually('no session is left', async () => (await held()) === 0, 30_000);
        const tookMs = performance.now() - from;
        toBroker[0]?.harm({});
        console.log(`sessions of vanished peers ended after ${Math.round(tookMs)} ms`);
        expect(tookMs).toBeLessThan(withLoad(KEEPALIVE_S * 1_500));
        await fleet.stop(30_000);
      });
    }

    it('after all of it every invariant holds', () => bed.nothingFound());
  });
}

/** Ids of the devices whose names begin so. */
async function idsOf({ redis }: Bed, prefix: string): Promise<readonly string[]> {
  const found = await redis.client.zrangebylex('{gm}:device-names', `[${prefix}-`, `(${prefix}.`);
  return found.map((text) => text.slice(text.indexOf('\0') + 1).slice(0, UUID_LENGTH));
}
