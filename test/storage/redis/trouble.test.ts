import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { aSupplier, newDevice, register } from '../../conformance/storage/harness.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';

describe('redis: in trouble', () => {
  let redis: TestRedis;
  let storage: Storage;
  const logged: string[] = [];
  const note = (facts: object, message: string): void => void logged.push(`${message} ${JSON.stringify(facts)}`);
  beforeEach(async () => {
    logged.length = 0;
    redis = await startRedis({ durable: true, args: ['--maxmemory-policy', 'noeviction'] });
    storage = await openRedisStorage({
      connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } },
      log: { info: note, warn: note, error: note },
      waitMs: 5_000,
    });
  });
  afterEach(async () => {
    redis.resume();
    await storage.close();
    await redis[Symbol.asyncDispose]();
  });

  it('killed and started again under load: every creation settles, and what was said to be created is there', async () => {
    const entries = Array.from({ length: 300 }, () => newDevice({}, { serverAttributes: { a: 1 } }));
    const answers: Promise<string>[] = [];
    for (const [i, entry] of entries.entries()) {
      answers.push(
        storage.registry.createDevice(entry).then(
          ({ kind }) => kind,
          (error: { code: string }) => error.code,
        ),
      );
      if (i === 100) void redis.kill().then(() => redis.restart());
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const kinds = await Promise.all(answers);
    expect(new Set(kinds)).toEqual(new Set(['created']));
    for (const { device } of entries) {
      expect(await storage.registry.device(device.id)).toEqual(device);
      expect((await storage.attributes.read(device.id, 'SERVER_SCOPE')).get('a')?.value).toBe(1);
    }
    expect(await storage.registry.deviceCount()).toBe(300);
    expect(storage.health()).toMatchObject({ ok: true, pendingWrites: 0 });
    expect(logged.join('\n')).toMatch(/does not take writes.*no connection to Redis/);
    expect(logged.join('\n')).toMatch(/takes writes again/);
  });

  it('while nobody answers: health says so at once, calls wait as long as they may, and then hear why', async () => {
    await redis.kill();
    const begun = performance.now();
    const refused = await storage.registry.createDevice(newDevice()).catch((error: unknown) => error);
    expect(storage.health()).toMatchObject({ ok: false, problem: expect.stringMatching(/no connection to Redis/) });
    expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/no connection/) });
    expect(performance.now() - begun).toBeGreaterThan(4_900);
    expect(performance.now() - begun).toBeLessThan(8_000);
    await redis.restart();
    expect(await storage.registry.createDevice(newDevice())).toEqual({ kind: 'created' });
  });

  it('its memory full: a write is refused by that reason with nothing half done, and taken when there is room', async () => {
    const supplier = await aSupplier(storage);
    const id = await register(storage);
    const request = {
      deviceId: id,
      supplierId: supplier.id,
      supplyPoint: { scheme: 'cups', stem: 'ES1' },
      supplyPointHash: 'hash',
      grid: { code: '0021', name: 'North' },
      onConflict: 'reject',
      now: 1,
      by: 'test',
    } as const;
    await redis.client.config('SET', 'maxmemory', '1mb');
    const before = await redis.client.dbsize();
    const full = { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/out of memory/) };
    await expect(storage.attachments.attach(request)).rejects.toMatchObject(full);
    await expect(storage.registry.createDevice(newDevice())).rejects.toMatchObject(full);
    expect(await redis.client.dbsize()).toBe(before);
    expect(await storage.attachments.attachment(id)).toBeUndefined();
    expect(await storage.registry.deviceCount()).toBe(1);
    await redis.client.config('SET', 'maxmemory', '0');
    expect((await storage.attachments.attach(request)).kind).toBe('attached');
  });

  it('the clock here is set an hour ahead: what is refused for want of an answer is not done later', async () => {
    await register(storage);
    const { now } = Date;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    try {
      redis.pause();
      const refused = await storage.registry.createDevice(newDevice()).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      redis.resume();
      // Asked behind all that was under way when Redis stood still.
      expect(await storage.registry.deviceCount()).toBe(1);
    } finally {
      clock.mockRestore();
    }
  });

  it('all keys are of gridmoor, in the slot of the registry or of an entity, and records of operations expire', async () => {
    const supplier = await aSupplier(storage);
    const id = await register(storage);
    await storage.customers.register(id, { secretHash: 'x', expiresAt: 1 }, 0);
    await storage.assets.addRelation({
      from: { entityType: 'ASSET', id: supplier.id },
      type: 'Knows',
      to: { entityType: 'DEVICE', id },
    });
    const keys = await redis.client.keys('*');
    expect(keys.filter((key) => !/^\{(?:gm|[0-9a-f-]{36})\}:/.test(key))).toEqual([]);
    const operations = keys.filter((key) => key.includes('}:op:'));
    expect(operations.length).toBeGreaterThan(0);
    const expiries = await Promise.all(operations.map((key) => redis.client.pttl(key)));
    expect(expiries.filter((ms) => ms <= 0 || ms > 15_000)).toEqual([]);
  });
});
