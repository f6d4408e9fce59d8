import { randomInt } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { IConnackPacket } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeFindings } from '../../helpers/checker.ts';
import type { JournalClient } from '../../helpers/journal-client.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { type NetProxy, startProxy } from '../../helpers/proxy.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { api } from '../../helpers/system.ts';
import { eventually } from '../eventually.ts';
import { randomOf } from '../random.ts';
import { durableAcks } from './recovery.ts';
import { type ClusterRig, standalone, startClusterRig } from './rig.ts';

const seed = Number(process.env.CHAOS_SEED ?? randomInt(1, 2 ** 31));
/** CONNACK of v5: server unavailable. */
const UNAVAILABLE = 0x88;
const DEVICES = '/api/tenant/devices?pageSize=10&page=0';
const FLEET = { seed, groups: 8_000, messages: 60, parallel: 12, window: 8 };

interface Listed {
  readonly data: readonly unknown[];
}

describe(`chaos: Redis in trouble (CHAOS_SEED=${seed})`, () => {
  let redis: TestRedis;
  let proxy: NetProxy;
  let rig: ClusterRig;
  let fleet: JournalClient;

  beforeEach(async () => {
    redis = await startRedis({ durable: true });
    proxy = await startProxy(redis.port, randomOf(seed));
    rig = await startClusterRig(standalone(redis, proxy.port));
    fleet = await rig.fleet(FLEET);
    await more(100);
  });
  afterEach(async () => {
    await rig[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  /** So many messages more are acknowledged; gives how long that took, in ms. */
  async function more(messages: number, deadlineMs = 20_000): Promise<number> {
    const before = performance.now();
    const { acked } = fleet.progress;
    await fleet.until((now) => now.acked >= acked + messages, `${messages} messages more`, deadlineMs);
    return performance.now() - before;
  }

  /** What each broker says that is wrong, once it says so, in these words. */
  const problems = (words = ''): Promise<readonly string[]> =>
    Promise.all(
      rig.members.map(({ readiness }) =>
        eventually(
          'a broker that is not ready',
          async () => {
            const { ready, problem } = await readiness();
            return !ready && problem.includes(words) && problem;
          },
          5_000,
        ),
      ),
    );

  /** Messages that write something and are acknowledged within so many ms from now. */
  async function storedWithin(ms: number): Promise<number> {
    const from = Date.now();
    await pause(ms);
    return durableAcks(fleet.journal()).filter((t) => t > from).length;
  }

  async function nothingFound(): Promise<void> {
    await fleet.stop(60_000);
    const { findings, store } = await rig.judge({ counts: await rig.counts() });
    const letters = store.deadLettered?.size ?? 0;
    if (letters > 0) console.log(`${letters} messages acknowledged as dead letters`);
    expect(describeFindings(findings)).toBe('no findings');
  }

  const memory = async (): Promise<number> =>
    Math.max(...(await Promise.all(rig.members.map(({ rssMiB }) => rssMiB()))));

  it('stopped for 10 s: no acknowledgement meanwhile, logins refused and not hung, sessions kept, then all goes on', async () => {
    const before = { ...fleet.progress, rss: await memory() };
    redis.pause();
    const stopped = performance.now();
    const told = await problems();
    const toldAfter = performance.now() - stopped;
    expect(told.join()).toMatch(/Redis/);
    const logins = rig.members.map(({ broker }) => loginCode(broker.ports.mqtt));
    const codes = await Promise.all(logins);
    const refusedAfter = performance.now() - stopped - toldAfter;
    const stored = await storedWithin(stopped + 10_000 - performance.now());
    const peak = await memory();
    redis.resume();
    const resumed = performance.now();
    await more(100);
    const ackedAfter = performance.now() - resumed;
    await rig.ready();
    const readyAfter = performance.now() - resumed;
    console.log(
      `not ready said after ${Math.round(toldAfter)} ms, a login refused with ${codes.join()} after ${Math.round(refusedAfter)} ms; ` +
        `100 messages acknowledged ${Math.round(ackedAfter)} ms after the end, ready after ${Math.round(readyAfter)} ms; ` +
        `${fleet.progress.closed - before.closed} sessions ended; memory ${Math.round(before.rss)} to ${Math.round(peak)} MiB`,
    );
    expect(stored).toBe(0);
    expect(codes).toEqual(rig.members.map(() => UNAVAILABLE));
    expect(toldAfter).toBeLessThan(4_000);
    expect(refusedAfter).toBeLessThan(6_000);
    expect(ackedAfter).toBeLessThan(5_000);
    expect(readyAfter).toBeLessThan(5_000);
    expect(peak).toBeLessThan(before.rss + 100);
    await nothingFound();
  });

  it('its memory full: writes are refused and none is acknowledged, what is stored can be read, then all goes on', async () => {
    const info = await redis.client.info('memory');
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
    await redis.client.config('SET', 'maxmemory', String(used));
    await problems('maxmemory');
    const { closed } = fleet.progress;
    const listed = await Promise.all(rig.members.map(({ broker }) => api<Listed>(broker, DEVICES)));
    expect(await storedWithin(1_000)).toBe(0);
    console.log(`${fleet.progress.closed - closed} sessions ended in 1 s without memory`);
    for (const { data } of listed) expect(data.length).toBeGreaterThan(0);
    await redis.client.config('SET', 'maxmemory', '0');
    expect(await more(100)).toBeLessThan(5_000);
    await rig.ready();
    await nothingFound();
  });

  it('20 ms away: slower, and nothing else', async () => {
    proxy.harm({ delayMs: 20 });
    const { closed } = fleet.progress;
    const tookMs = await more(500, 30_000);
    console.log(`500 messages in ${Math.round(tookMs)} ms, 20 ms away from Redis`);
    expect(fleet.progress.closed).toBe(closed);
    await nothingFound();
  });

  it('connections reset, and replies cut in the middle: nothing lost, doubled or given to another', async () => {
    proxy.harm({ resets: 0.02, cuts: 0.02 });
    const { closed } = fleet.progress;
    const before = proxy.broken;
    const tookMs = await more(3_000, 60_000);
    const broken = proxy.broken - before;
    proxy.harm({});
    console.log(
      `${broken} connections to Redis broken in ${Math.round(tookMs)} ms, ${fleet.progress.closed - closed} sessions ended`,
    );
    expect(broken).toBeGreaterThan(10);
    await nothingFound();
  });

  it('its scripts forgotten: nobody notices', async () => {
    const { closed } = fleet.progress;
    for (let n = 0; n < 10; n++) {
      await redis.client.script('FLUSH');
      await more(30);
    }
    expect(fleet.progress.closed).toBe(closed);
    await nothingFound();
  });

  it('its password changed: not ready with the reason, no acknowledgement; back with the old one', async () => {
    await redis.client.config('SET', 'requirepass', 'another-password');
    await redis.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await problems('NOAUTH');
    expect(await storedWithin(1_000)).toBe(0);
    await redis.client.config('SET', 'requirepass', '');
    expect(await more(100)).toBeLessThan(5_000);
    await rig.ready();
    await nothingFound();
  });

  it('empty after a bad restore: not ready with the reason, no acknowledgement, nothing begun anew; back when the data is', async () => {
    const files = join(redis.dir, 'appendonlydir');
    await redis.kill();
    await rename(files, `${files}-kept`);
    await redis.restart();
    await problems('the data in Redis is gone');
    const { provisioned } = fleet.progress;
    expect(await storedWithin(1_500)).toBe(0);
    expect(fleet.progress.provisioned).toBe(provisioned);
    // What was on its way when Redis died may have come into it, unacknowledged; a store was not begun.
    expect(await redis.client.exists('{gm}:format')).toBe(0);
    await redis.kill();
    await rm(files, { recursive: true });
    await rename(`${files}-kept`, files);
    await redis.restart();
    expect(await more(100)).toBeLessThan(5_000);
    await rig.ready();
    await nothingFound();
  });

  it('a replica all at once: no acknowledgement, and back when it takes writes again', async () => {
    await redis.client.replicaof('127.0.0.1', 1);
    await problems('READONLY');
    expect(await storedWithin(1_000)).toBe(0);
    await redis.client.replicaof('NO', 'ONE');
    expect(await more(100)).toBeLessThan(5_000);
    await rig.ready();
    await nothingFound();
  });
});

/** CONNACK's code of a login with a token that nobody has. */
async function loginCode(port: number): Promise<number> {
  const client = await MqttClient.open({ port, version: 5, userName: 'nobodys-token' });
  try {
    const { reasonCode } = (await client.next('connack', 8_000)) as IConnackPacket;
    return reasonCode ?? 0;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}
