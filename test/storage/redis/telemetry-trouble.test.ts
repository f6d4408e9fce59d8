import { describe, expect, it, vi } from 'vitest';
import { openRedisStorage, type RedisStorageOptions } from '../../../src/storage/redis/index.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { register } from '../../conformance/storage/harness.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';

const open = (redis: TestRedis, options: Omit<RedisStorageOptions, 'connection'> = {}): Promise<Storage> =>
  openRedisStorage({
    connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } },
    ...options,
  });

async function timesOf(storage: Storage, entityId: string): Promise<readonly number[]> {
  const query = { entityId, keys: ['a'], startTs: 0, endTs: 2 ** 53, limit: 1_000_000, order: 'ASC' } as const;
  return ((await storage.telemetry.range(query)).get('a') ?? []).map(({ ts }) => ts);
}

describe('redis in trouble: telemetry', () => {
  it('killed under load again and again, it keeps every sample that was acknowledged, each once', async () => {
    await using redis = await startRedis({ durable: true });
    const storage = await open(redis, { waitMs: 20_000 });
    const ids = await Promise.all(Array.from({ length: 5 }, () => register(storage)));
    const acknowledged = new Map(ids.map((id) => [id, [] as number[]]));
    let stopped = false;
    const writers = ids.map(async (entityId) => {
      for (let ts = 0; !stopped; ts++) {
        await storage.telemetry.save({ entityId, ts, values: { a: ts, text: 'x'.repeat(40) } });
        acknowledged.get(entityId)?.push(ts);
      }
    });
    const total = (): number => [...acknowledged.values()].reduce((sum, list) => sum + list.length, 0);
    for (let round = 0; round < 5; round++) {
      const before = total();
      await vi.waitFor(() => expect(total()).toBeGreaterThan(before + 300), { timeout: 20_000, interval: 5 });
      await redis.restart();
    }
    const before = total();
    await vi.waitFor(() => expect(total()).toBeGreaterThan(before), { timeout: 20_000 });
    stopped = true;
    await Promise.all(writers);
    for (const id of ids) {
      const stored = await timesOf(storage, id);
      expect(new Set(stored).size).toBe(stored.length);
      expect(stored).toEqual(acknowledged.get(id));
      expect((await storage.telemetry.latest(id)).get('a')?.value).toBe(stored.at(-1));
    }
    await storage.close();
  }, 90_000);

  it('its memory full, samples are refused by that reason, none that was taken is lost, and it goes on', async () => {
    await using redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
    const storage = await open(redis, { waitMs: 3_000 });
    const ids = await Promise.all(Array.from({ length: 20 }, () => register(storage)));
    const taken = new Map(ids.map((id) => [id, [] as number[]]));
    const turn = async (ts: number): Promise<unknown> => {
      const saves = ids.map(async (entityId) => {
        await storage.telemetry.save({ entityId, ts, values: { a: ts } });
        taken.get(entityId)?.push(ts);
      });
      return (await Promise.allSettled(saves)).find(({ status }) => status === 'rejected');
    };
    for (let ts = 0; ts < 60; ts++) expect(await turn(ts)).toBeUndefined();
    await redis.client.config('SET', 'maxmemory', '1mb');
    const refused = (await turn(60)) as { reason?: unknown } | undefined;
    expect(refused?.reason).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/out of memory/),
    });
    await redis.client.config('SET', 'maxmemory', '0');
    for (let ts = 61; ts < 130; ts++) expect(await turn(ts)).toBeUndefined();
    for (const id of ids) expect(await timesOf(storage, id)).toEqual(taken.get(id));
    await storage.close();
  });
});

describe('redis with two brokers: records', () => {
  it('of one originator and type one alarm is active, whoever raises it; the limit holds', async () => {
    await using redis = await startRedis();
    const brokers = await Promise.all([0, 1].map(() => open(redis, { maxAlarmsPerOriginator: 8 })));
    const [one] = brokers as [Storage, Storage];
    const originator = { entityType: 'DEVICE', id: await register(one) } as const;
    const raises = Array.from({ length: 80 }, (_, i) =>
      brokers[i % 2]?.alarms.raise({
        originator,
        type: `type-${i % 10}`,
        severity: 'MAJOR',
        startTs: i,
        at: 1_800_000_000_000 + i,
      }),
    );
    const kinds = (await Promise.all(raises)).map((result) => result?.kind);
    expect(kinds.filter((kind) => kind === 'created')).toHaveLength(8);
    expect(kinds).toContain('full');
    const listed = await one.alarms.list({ page: 0, pageSize: 100 });
    expect(new Set(listed.data.map(({ type }) => type)).size).toBe(8);
    expect(listed.totalElements).toBe(8);
    await Promise.all(brokers.map((broker) => broker.close()));
  });

  it('a call has one outcome, and a message that waits is removed by one, while connections break', async () => {
    await using redis = await startRedis();
    const brokers = await Promise.all([0, 1].map(() => open(redis)));
    const [one, two] = brokers as [Storage, Storage];
    const deviceId = await register(one);
    for (let i = 0; i < 30; i++) {
      const id = `0193b5f2-0000-7000-8000-${String(i).padStart(12, '0')}` as never;
      const rpc = { id, deviceId, createdAt: 1, expiresAt: 1e13, oneway: false, method: 'm', params: '{}' } as const;
      expect(await one.rpcs.create({ ...rpc, state: 'QUEUED', retries: 0 })).toBe('created');
      const message = { id: `m${i}`, originator: { entityType: 'DEVICE', id: deviceId }, dueAt: 1 } as const;
      await two.messages.put({ ...message, chain: 'c', node: 'n', sealed: 's' });
      const race = Promise.all([
        Promise.all(brokers.map(({ rpcs }, at) => rpcs.update(id, { state: at ? 'FAILED' : 'SUCCESSFUL', at: 2 }))),
        Promise.all(brokers.map(({ messages }) => messages.remove(`m${i}`))),
      ]);
      await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      for (const answers of await race) expect(answers.filter(Boolean)).toEqual([true]);
    }
    expect(await one.messages.count()).toBe(0);
    expect((await two.rpcs.undelivered(deviceId, { now: 1, limit: 9 })).length).toBe(0);
    await Promise.all(brokers.map((broker) => broker.close()));
  });
});
