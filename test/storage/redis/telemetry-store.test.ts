import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { openRedisStorage, type RedisStorageOptions } from '../../../src/storage/redis/index.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { exact, register } from '../../conformance/storage/harness.ts';
import { startRedis, startRedisCluster, type TestRedis } from '../../helpers/redis.ts';
import { addressesOf } from '../../helpers/redis-store.ts';

const MINUTE = 60_000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(() => redis.client.flushall());

async function open(options: Omit<RedisStorageOptions, 'connection'> = {}): Promise<AsyncDisposable & Storage> {
  const target = { kind: 'standalone', host: redis.host, port: redis.port } as const;
  const storage = await openRedisStorage({ connection: { target }, ...options });
  return Object.assign(storage, { [Symbol.asyncDispose]: () => storage.close() });
}

const timesOf = async (storage: Storage, entityId: string, key = 'a') => {
  const bounds = { startTs: 0, endTs: 2 ** 53, limit: 1_000_000, order: 'ASC' } as const;
  const points = (await storage.telemetry.range({ entityId, keys: [key], ...bounds })).get(key) ?? [];
  return points.map(({ ts }) => ts);
};
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i * MINUTE);
const keysOf = (id: string) => redis.client.keys(`*${id}*`);

describe('redis: telemetry', () => {
  it('every 64 samples become one packed chunk, a fifth of their size', async () => {
    await using storage = await open();
    const id = await register(storage);
    const values = { power: 1234.5, voltage: 230.1, current: 5.4, energy: 100_000, state: 'on' };
    for (const ts of upTo(1000)) await storage.telemetry.save({ entityId: id, ts, values: { ...values, a: ts } });
    await storage.drain();
    const left = await redis.client.llen(`{${id}}:open`);
    expect(left).toBeLessThan(64);
    const chunks = await redis.client.zrange(`{${id}}:index`, 0, -1);
    expect(chunks.length).toBeGreaterThan(12);
    const packed = await Promise.all(chunks.map((_, at) => redis.client.hstrlen(`{${id}}:chunks`, String(at + 1))));
    const plain = (1000 - left) * JSON.stringify(values).length;
    expect(packed.reduce((sum, length) => sum + length, 0)).toBeLessThan(plain / 5);
    expect(await timesOf(storage, id)).toEqual(upTo(1000));
  });

  it('a group of many devices is one script, whose keys it declares', async () => {
    await using storage = await open();
    const ids = await Promise.all(Array.from({ length: 50 }, () => register(storage)));
    await storage.drain();
    await redis.client.config('RESETSTAT');
    await Promise.all(ids.map((entityId) => storage.telemetry.save({ entityId, ts: 1, values: { a: 1, b: 'x' } })));
    const stats = await redis.client.info('commandstats');
    const calls = [...stats.matchAll(/^cmdstat_(evalsha|eval|rpush|hset):calls=(\d+)/gm)].map(([, name, n]) => [
      name,
      n,
    ]);
    // One more script may be the question for the clock.
    expect(Object.fromEntries(calls)).toMatchObject({ rpush: '50', hset: '50' });
    expect(Number(Object.fromEntries(calls).evalsha ?? 0)).toBeLessThanOrEqual(2);
  });

  it('connections that break again and again lose, double and reorder nothing', async () => {
    await using storage = await open();
    const ids = await Promise.all([0, 1, 2].map(() => register(storage)));
    const saved: Promise<void>[] = [];
    for (const ts of upTo(600)) {
      saved.push(...ids.map((entityId) => storage.telemetry.save({ entityId, ts, values: { a: ts, last: ts } })));
      saved.push(...ids.map((entityId) => storage.telemetry.save({ entityId, ts: 7, values: { same: ts } })));
      if (ts % (60 * MINUTE) === 0) await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      else if (ts % (5 * MINUTE) === 0) await saved.at(-1);
    }
    await Promise.all(saved);
    for (const id of ids) {
      expect(await timesOf(storage, id)).toEqual(upTo(600));
      const latest = exact(await storage.telemetry.latest(id, ['last', 'same']));
      expect(latest).toEqual({ last: `${599 * MINUTE} ${599 * MINUTE}`, same: `7 ${599 * MINUTE}` });
      const bounds = { startTs: 7, endTs: 8, limit: 5, order: 'ASC' } as const;
      const same = (await storage.telemetry.range({ entityId: id, keys: ['same'], ...bounds })).get('same');
      expect(same).toEqual([{ ts: 7, value: 599 * MINUTE }]);
    }
  });

  it('two brokers that write one device move its samples into chunks without losing any', async () => {
    await using one = await open();
    await using two = await open();
    const id = await register(one);
    for (let ts = 0; ts < 2000; ts += 20) {
      const writes = Array.from({ length: 20 }, (_, i) => ({ entityId: id, ts: ts + i, values: { a: ts + i } }));
      await Promise.all(writes.map((write, i) => (i % 2 === 0 ? one : two).telemetry.save(write)));
    }
    await Promise.all([one.drain(), two.drain()]);
    expect(await timesOf(one, id)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(await redis.client.llen(`{${id}}:open`)).toBeLessThan(128);
  });

  it('what a paused Redis did not take in time is refused, and not done later', async () => {
    await using storage = await open({ waitMs: 3_000 });
    const id = await register(storage);
    await storage.telemetry.save({ entityId: id, ts: 1, values: { a: 1 } });
    redis.pause();
    try {
      const refused = storage.telemetry.save({ entityId: id, ts: 2, values: { a: 2 } });
      await expect(refused).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(storage.health().ok).toBe(false);
    } finally {
      redis.resume();
    }
    await vi.waitFor(() => expect(storage.health().ok).toBe(true), { timeout: 10_000 });
    await storage.telemetry.save({ entityId: id, ts: 3, values: { a: 3 } });
    expect(await timesOf(storage, id)).toEqual([1, 3]);
  });

  it('more waiting bytes than may be are refused at once; what waits is stored when Redis is back', async () => {
    await using storage = await open({ maxPendingBytes: 20_000, waitMs: 20_000 });
    const id = await register(storage);
    redis.pause();
    const saves = Array.from({ length: 30 }, (_, ts) =>
      storage.telemetry.save({ entityId: id, ts, values: { a: 'x'.repeat(1000) } }),
    );
    const early = await Promise.race([Promise.allSettled(saves.slice(20)), Promise.all(saves.slice(0, 5))]);
    redis.resume();
    expect(early).toHaveLength(10);
    const settled = await Promise.allSettled(saves);
    const stored = settled.flatMap(({ status }, ts) => (status === 'fulfilled' ? [ts] : []));
    expect(stored.length).toBeGreaterThan(10);
    expect(await timesOf(storage, id)).toEqual(stored);
  });

  it('a deleted device leaves no key behind, but for records that expire', async () => {
    await using storage = await open();
    const id = await register(storage);
    for (const ts of upTo(100)) await storage.telemetry.save({ entityId: id, ts, values: { a: ts } });
    const scopes = ['CLIENT_SCOPE', 'SHARED_SCOPE', 'SERVER_SCOPE'] as const;
    for (const scope of scopes) {
      await storage.attributes.save({ entityId: id, scope, values: { a: 1, b: 2 }, ts: 1, onlyOnChange: false });
      expect(await storage.attributes.remove(id, scope, ['b'])).toEqual(['b']);
    }
    await storage.registry.deleteDevice(id, 1, 'test');
    await storage.drain();
    for (const key of await keysOf(id)) expect([key, (await redis.client.pttl(key)) > 0]).toEqual([key, true]);
  });

  it('a damaged chunk is named, and the other samples can be read around it', async () => {
    await using storage = await open();
    const id = await register(storage);
    for (const ts of upTo(200)) await storage.telemetry.save({ entityId: id, ts, values: { a: ts } });
    await storage.drain();
    await redis.client.hset(`{${id}}:chunks`, '2', 'no deflate');
    await expect(timesOf(storage, id)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    const bounds = { startTs: 190 * MINUTE, endTs: 2 ** 53, limit: 100, order: 'ASC' } as const;
    const late = await storage.telemetry.range({ entityId: id, keys: ['a'], ...bounds });
    expect(late.get('a')).toHaveLength(10);
    await storage.telemetry.save({ entityId: id, ts: 201 * MINUTE, values: { a: 201 } });
    expect((await storage.telemetry.latest(id)).get('a')?.value).toBe(201);
  });

  it('a device whose keys others have overwritten fails alone, and is named', async () => {
    const damaged: unknown[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (facts: object) => damaged.push(facts) };
    await using storage = await open({ log });
    const [good, bad] = [await register(storage), await register(storage)];
    await redis.client.set(`{${bad}}:latest`, 'text');
    const save = (entityId: DeviceId, ts: number) => storage.telemetry.save({ entityId, ts, values: { a: ts } });
    const first = await Promise.allSettled([save(good, 1), save(bad, 1)]);
    expect(first.map(({ status }) => status)).toContain('rejected');
    for (const ts of [2, 3]) {
      const [, refused] = await Promise.allSettled([save(good, ts).then(() => ts), save(bad, ts)]);
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'STORE_CORRUPT' } });
    }
    expect(await timesOf(storage, good)).toEqual([1, 2, 3]);
    expect(damaged).toMatchObject([{ event: 'store.damaged-record', entity: bad }]);
  });

  it('a backfill of years does not make later questions read the whole history', async () => {
    await using storage = await open();
    const id = await register(storage);
    const now = 1_800_000_000_000;
    const saves: Promise<void>[] = [];
    for (let i = 0; i < 3000; i++) saves.push(storage.telemetry.save({ entityId: id, ts: now + i, values: { a: i } }));
    for (let i = 0; i < 100; i++) {
      saves.push(storage.telemetry.save({ entityId: id, ts: i * 1e9, values: { a: -i } }));
      saves.push(storage.telemetry.save({ entityId: id, ts: now + 3000 + i, values: { a: 3000 + i } }));
    }
    await Promise.all(saves);
    await storage.drain();
    await redis.client.config('RESETSTAT');
    const bounds = { startTs: 0, endTs: 2 ** 53, limit: 3, order: 'DESC' } as const;
    const last = (await storage.telemetry.range({ entityId: id, keys: ['a'], ...bounds })).get('a');
    expect(last?.map(({ value }) => value)).toEqual([3099, 3098, 3097]);
    const stats = await redis.client.info('stats');
    expect(Number(/total_net_output_bytes:(\d+)/.exec(stats)?.[1])).toBeLessThan(20_000);
    expect(await timesOf(storage, id)).toHaveLength(3200);
  });
});

describe('redis: acknowledgement by replicas', () => {
  it('a write waits for them, and is refused while there are too few', async () => {
    await using cluster = await startRedisCluster({ replicas: 1 });
    const target = { kind: 'cluster', nodes: addressesOf(cluster.addresses) } as const;
    const storage = await openRedisStorage({ connection: { target, waitReplicas: 1 } });
    const id: DeviceId = await register(storage);
    await storage.telemetry.save({ entityId: id, ts: 1, values: { a: 1 } });
    await storage.close();
    const strict = await openRedisStorage({ connection: { target, waitReplicas: 2 }, waitMs: 2_500 });
    const refused = strict.telemetry.save({ entityId: id, ts: 2, values: { a: 2 } });
    await expect(refused).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await strict.close();
  });
});
