import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrokerError } from '../../../src/errors.ts';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import { KEYS } from '../../../src/storage/redis/keys.ts';
import { bare, failureOf } from '../../../src/storage/redis/problems.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { newDevice } from '../../conformance/storage/harness.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';

describe('redis: there, but not as it should be', () => {
  let redis: TestRedis;
  let storage: Storage;

  beforeEach(async () => {
    redis = await startRedis();
    const target = { kind: 'standalone', host: redis.host, port: redis.port } as const;
    storage = await openRedisStorage({ connection: { target }, waitMs: 500 });
  });
  afterEach(async () => {
    await storage.close();
    await redis[Symbol.asyncDispose]();
  });

  /** The store has looked at Redis once more. */
  async function looked(): Promise<void> {
    await redis.client.del(KEYS.pulse);
    await vi.waitFor(async () => expect(await redis.client.exists(KEYS.pulse)).toBe(1), 5_000);
  }

  it('emptied: health says so, nothing is written or answered, until the data is there again', async () => {
    const before = newDevice();
    await storage.registry.createDevice(before);
    await looked();
    const kept = await redis.client.dumpBuffer('{gm}:format');
    await redis.client.flushall();
    await vi.waitFor(() => expect(storage.health().problem).toMatch(/the data in Redis is gone/), 5_000);
    await expect(storage.registry.createDevice(newDevice())).rejects.toThrow('STORE_UNAVAILABLE');
    await expect(storage.registry.device(before.device.id)).rejects.toThrow('the data in Redis is gone');
    expect(await redis.client.exists('{gm}:devices')).toBe(0);
    await redis.client.restore('{gm}:format', 0, kept);
    await vi.waitFor(() => expect(storage.health().ok).toBe(true), 5_000);
  });

  it('started again without its data: what was asked while it was away is not answered from an empty store', async () => {
    const before = newDevice();
    await storage.registry.createDevice(before);
    await looked();
    redis.pause();
    const asked = storage.registry.device(before.device.id);
    asked.catch(() => undefined);
    await redis.restart();
    await expect(asked).rejects.toThrow('STORE_UNAVAILABLE');
  });

  it('its memory full: health says so, and reads go on', async () => {
    const before = newDevice();
    await storage.registry.createDevice(before);
    await redis.client.config('SET', 'maxmemory', '1');
    await vi.waitFor(() => expect(storage.health().problem).toMatch(/Redis refuses writes: OOM/), 5_000);
    expect(await storage.registry.device(before.device.id)).toEqual(before.device);
    await redis.client.config('SET', 'maxmemory', '0');
    await vi.waitFor(() => expect(storage.health().ok).toBe(true), 5_000);
  });

  it('a refusal of Redis carries no words of the command that it refused', async () => {
    await redis.client.config('SET', 'maxmemory', '1');
    const entry = newDevice();
    const refused = await storage.registry.createDevice(entry).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BrokerError);
    const { cause } = refused as BrokerError;
    expect(cause).toBeInstanceOf(Error);
    expect(Object.keys(cause as Error)).toEqual(['name']);
  });

  it('an error of ioredis is kept by name and message', () => {
    const error = Object.assign(new Error('OOM no'), { name: 'ReplyError', command: { args: ['secret'] } });
    expect(bare(error)).toMatchObject({ name: 'ReplyError', message: 'OOM no' });
    expect(JSON.stringify(failureOf(error))).not.toContain('secret');
  });
});
