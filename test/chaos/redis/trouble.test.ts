import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { IConnackPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import type { Harm } from '../../helpers/proxy.ts';
import { api } from '../../helpers/system.ts';
import { withLoad } from '../../helpers/with-load.ts';
import { eventually } from '../eventually.ts';
import { type Bed, makeBed, SEED, WORKS } from './bed.ts';

/** CONNACK of v5: server unavailable. */
const UNAVAILABLE = 0x88;
const DEVICES = '/api/tenant/devices?pageSize=10&page=0';

interface Listed {
  readonly data: readonly unknown[];
}

for (const work of WORKS) {
  describe(`chaos: Redis in trouble, ${work.name} (CHAOS_SEED=${SEED})`, () => {
    let bed: Bed;
    beforeAll(async () => {
      bed = await makeBed(work);
    });
    afterAll(() => bed[Symbol.asyncDispose]());

    /** What each broker says that is wrong, once it says so, in these words. */
    const problems = (words = ''): Promise<readonly string[]> =>
      Promise.all(
        bed.rig.members.map(({ readiness }) =>
          eventually(
            'a broker that is not ready',
            async () => {
              const { ready, problem } = await readiness();
              return !ready && problem.includes(words) && problem;
            },
            20_000,
          ),
        ),
      );

    /** It is all as before, within the time. */
    async function heals(): Promise<void> {
      expect(await bed.goesOn()).toBeLessThan(withLoad(5_000));
      await bed.rig.ready();
    }

    const harm = (what: Partial<Harm>): void => {
      for (const proxy of bed.toRedis) proxy.harm(what);
    };

    const broken = (): number => bed.toRedis.reduce((sum, proxy) => sum + proxy.broken, 0);

    const memory = async (): Promise<number> =>
      Math.max(...(await Promise.all(bed.rig.members.map(({ rssMiB }) => rssMiB()))));

    it('F5 stopped for 10 s: no acknowledgement meanwhile, logins refused and not hung, sessions kept, then all goes on', async () => {
      const { redis, rig, fleet } = bed;
      const before = { ...fleet.progress, rss: await memory() };
      redis.pause();
      const stopped = performance.now();
      const told = await problems();
      const toldAfter = performance.now() - stopped;
      expect(told.join()).toMatch(/Redis/);
      const logins = rig.members.map(({ broker }) => loginCode(broker.ports.mqtt));
      const codes = await Promise.all(logins);
      const refusedAfter = performance.now() - stopped - toldAfter;
      const stored = await bed.storedWithin(stopped + 10_000 - performance.now());
      const peak = await memory();
      redis.resume();
      const resumed = performance.now();
      await bed.goesOn();
      const ackedAfter = performance.now() - resumed;
      await rig.ready();
      const readyAfter = performance.now() - resumed;
      console.log(
        `not ready said after ${Math.round(toldAfter)} ms, a login refused with ${codes.join()} after ${Math.round(refusedAfter)} ms; ` +
          `goes on ${Math.round(ackedAfter)} ms after the end, ready after ${Math.round(readyAfter)} ms; ` +
          `${fleet.progress.closed - before.closed} sessions ended; memory ${Math.round(before.rss)} to ${Math.round(peak)} MiB`,
      );
      expect(stored).toBe(0);
      expect(codes).toEqual(rig.members.map(() => UNAVAILABLE));
      expect(toldAfter).toBeLessThan(withLoad(4_000));
      expect(refusedAfter).toBeLessThan(withLoad(6_000));
      expect(ackedAfter).toBeLessThan(withLoad(5_000));
      expect(readyAfter).toBeLessThan(withLoad(5_000));
      expect(peak).toBeLessThan(before.rss + 100);
    });

    it('F3 told to stop, and started again: no acknowledgement meanwhile, then all goes on', async () => {
      const { redis } = bed;
      const ended = redis.ended();
      process.kill(redis.pid, 'SIGTERM');
      await ended;
      try {
        await problems('no connection');
        expect(await bed.storedWithin(1_000)).toBe(0);
      } finally {
        await redis.restart();
      }
      await heals();
    });

    it('F6 its memory full: writes are refused and none is acknowledged, what is stored can be read, then all goes on', async () => {
      const { redis, rig, fleet } = bed;
      const info = await redis.client.info('memory');
      const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
      await redis.client.config('SET', 'maxmemory', String(used));
      await problems('maxmemory');
      const { closed } = fleet.progress;
      const listed = await Promise.all(rig.members.map(({ broker }) => api<Listed>(broker, DEVICES)));
      expect(await bed.storedWithin(1_000)).toBe(0);
      console.log(`${fleet.progress.closed - closed} sessions ended in 1 s without memory`);
      for (const { data } of listed) expect(data.length).toBeGreaterThan(0);
      await redis.client.config('SET', 'maxmemory', '0');
      await heals();
    });

    for (const delayMs of process.env.CHAOS_LONG ? [20, 200] : [20]) {
      it(`F7 ${delayMs} ms away: slower, and nothing else`, async () => {
        const { fleet } = bed;
        harm({ delayMs });
        const { closed } = fleet.progress;
        const tookMs = await bed.goesOn(5, 60_000);
        harm({});
        console.log(`${5 * work.some} messages in ${Math.round(tookMs)} ms, ${delayMs} ms away from Redis`);
        expect(fleet.progress.closed).toBe(closed);
      });
    }

    it('F7 connections reset, and replies cut in the middle: nothing lost, doubled or given to another', async () => {
      const { fleet } = bed;
      harm({ resets: 0.02, cuts: 0.02 });
      const { closed } = fleet.progress;
      const before = broken();
      const tookMs = await bed.goesOn(20, 120_000);
      harm({});
      console.log(
        `${broken() - before} connections to Redis broken in ${Math.round(tookMs)} ms, ${fleet.progress.closed - closed} sessions ended`,
      );
      expect(broken() - before).toBeGreaterThan(work.some / 20);
      await bed.rig.ready();
    });

    it('F8 its scripts forgotten: nobody notices', async () => {
      const { redis, fleet } = bed;
      const { closed } = fleet.progress;
      for (let n = 0; n < 10; n++) {
        await redis.client.script('FLUSH');
        await bed.goesOn(0.3);
      }
      expect(fleet.progress.closed).toBe(closed);
    });

    it('F8 its password changed: not ready with the reason, no acknowledgement; back with the old one', async () => {
      const { redis } = bed;
      await redis.client.config('SET', 'requirepass', 'another-password');
      await redis.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await problems('NOAUTH');
      expect(await bed.storedWithin(1_000)).toBe(0);
      await redis.client.config('SET', 'requirepass', '');
      await heals();
    });

    it('F8 empty after a bad restore: not ready with the reason, no acknowledgement, nothing begun anew; back when the data is', async () => {
      const { redis, fleet } = bed;
      const files = join(redis.dir, 'appendonlydir');
      await redis.kill();
      await rename(files, `${files}-kept`);
      await redis.restart();
      await problems('the data in Redis is gone');
      // Answers that were given before are still on their way to the devices.
      await pause(withLoad(200));
      const { provisioned } = fleet.progress;
      expect(await bed.storedWithin(1_500)).toBe(0);
      expect(fleet.progress.provisioned).toBe(provisioned);
      // What was on its way when Redis died may have come into it, unacknowledged; a store was not begun.
      expect(await redis.client.exists('{gm}:format')).toBe(0);
      await redis.kill();
      await rm(files, { recursive: true });
      await rename(`${files}-kept`, files);
      await redis.restart();
      await heals();
    });

    it('F8 a replica all at once: no acknowledgement, and back when it takes writes again', async () => {
      const { redis } = bed;
      await redis.client.replicaof('127.0.0.1', 1);
      await problems('READONLY');
      expect(await bed.storedWithin(1_000)).toBe(0);
      await redis.client.replicaof('NO', 'ONE');
      await heals();
    });

    it('after all of it every invariant holds', () => bed.nothingFound());
  });
}

/** CONNACK's code of a login with a token that nobody has. */
async function loginCode(port: number): Promise<number> {
  const client = await MqttClient.open({ port, version: 5, userName: 'nobodys-token' });
  try {
    const { reasonCode } = (await client.next('connack', 20_000)) as IConnackPacket;
    return reasonCode ?? 0;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}
