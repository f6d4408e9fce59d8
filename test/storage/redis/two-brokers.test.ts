import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { aDevice, aSupplier, credentialsOf, newDevice, register } from '../../conformance/storage/harness.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';

describe('redis: two brokers on one store', () => {
  let redis: TestRedis;
  let stores: readonly [Storage, Storage];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  const open = () =>
    openRedisStorage({ connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } } });
  beforeEach(async () => {
    await redis.client.flushall();
    stores = [await open(), await open()];
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));

  it('of 1,000 names that both create at the same instant, each is created once, with its own credentials', async () => {
    const names = Array.from({ length: 1_000 }, (_, i) => `meter-${i}`);
    const made = await Promise.all(
      names.map(async (name) => {
        const entries = stores.map(() => newDevice({ name }, { profileQuota: 1_000, serverAttributes: { a: 1 } }));
        const credentials = entries.map(({ device }) => credentialsOf(device, { index: `index of ${device.id}` }));
        const answers = await Promise.all(
          stores.map((store, at) => {
            const [entry, own] = [entries[at], credentials[at]];
            if (entry === undefined || own === undefined) throw new Error('no entry');
            return store.registry.createDevice({ ...entry, credentials: own });
          }),
        );
        const winner = answers.findIndex(({ kind }) => kind === 'created');
        return { answers, winner: entries[winner]?.device, loser: entries[1 - winner]?.device };
      }),
    );
    for (const { answers, winner, loser } of made) {
      expect(answers.map(({ kind }) => kind).sort()).toEqual(['created', 'name-taken']);
      expect(answers.find(({ kind }) => kind === 'name-taken')).toMatchObject({ deviceId: winner?.id });
      expect(await stores[0].registry.device(loser?.id as DeviceId)).toBeUndefined();
      expect(await stores[0].registry.credentials(`index of ${loser?.id}`)).toBeUndefined();
      expect((await stores[0].registry.credentials(`index of ${winner?.id}`))?.deviceId).toBe(winner?.id);
    }
    expect(await stores[1].registry.deviceCount('meter')).toBe(1_000);
    expect(await redis.client.keys(`{*}:alive`)).toHaveLength(1_000);
    await Promise.all(stores.map((store) => store.drain()));
    expect(await redis.client.zcard('{gm}:unsettled')).toBe(0);
  });

  it('of one device whose credentials both want, one has them; a claim is given once', async () => {
    const device = aDevice({ name: 'pre' });
    await stores[0].registry.createDevice({
      device,
      credentials: credentialsOf(device, { sealed: 'text' }),
      serverAttributes: {},
    });
    const claims = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (stores[i % 2] as Storage).registry.claimPreProvisioned('pre', 'meter', 5)),
    );
    expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    expect(claims.filter(({ kind }) => kind === 'already-provisioned')).toHaveLength(49);
  });

  it('of 200 devices that attach to 100 supply points at once, with repeats, each point has one, and one line says so', async () => {
    const supplier = await aSupplier(stores[0]);
    const ids = await Promise.all(Array.from({ length: 200 }, () => register(stores[0])));
    const attach = (store: Storage, deviceId: DeviceId, point: number) =>
      store.attachments.attach({
        deviceId,
        supplierId: supplier.id,
        supplyPoint: { scheme: 'cups', stem: `ES${point}` },
        supplyPointHash: `hash-${point}`,
        grid: { code: '0021', name: 'North' },
        onConflict: 'reject',
        now: 1,
        by: 'test',
      });
    const kinds = await Promise.all(
      ids.flatMap((id, i) => stores.map(async (store) => (await attach(store, id, i % 100)).kind)),
    );
    const count = (kind: string): number => kinds.filter((one) => one === kind).length;
    expect([count('attached'), count('already-attached'), count('conflict')]).toEqual([100, 100, 200]);
    const histories = await Promise.all(ids.map((id) => stores[1].attachments.history(id)));
    expect(histories.flat()).toHaveLength(100);
    expect((await stores[1].assets.assets({ type: 'Grid', page: 0, pageSize: 5 })).totalElements).toBe(1);
    for (let point = 0; point < 100; point++) {
      const query = { supplyPointHash: `hash-${point}`, page: 0, pageSize: 5 };
      expect((await stores[1].attachments.attachments(query)).totalElements).toBe(1);
    }
  });

  it('a creation that was cut short before its own slot was written is finished by whoever comes next', async () => {
    const entry = newDevice({}, { serverAttributes: { a: 1 } });
    const { id } = entry.device;
    await stores[0].registry.createDevice(entry);
    await stores[0].drain();
    // As a broker leaves it that dies right after the step in the registry's slot.
    await redis.client.del(`{${id}}:alive`, `{${id}}:server`);
    await redis.client.zadd('{gm}:unsettled', 1, id);
    await redis.client.hset('{gm}:unsettled-attributes', id, '{"ts":7,"values":{"a":1}}');
    await stores[1].telemetry.save({ entityId: id, ts: 1, values: { b: 2 } });
    expect((await stores[1].telemetry.latest(id)).get('b')?.value).toBe(2);
    expect((await stores[1].attributes.read(id, 'SERVER_SCOPE')).get('a')).toEqual({ ts: 7, value: 1 });
    await stores[1].drain();
    expect(await redis.client.zcard('{gm}:unsettled')).toBe(0);
  });

  it('a deletion that was cut short leaves a note, and the next sweep of another broker drops the data', {
    timeout: 30_000,
  }, async () => {
    const id = await register(stores[0]);
    await stores[0].telemetry.save({ entityId: id, ts: 1, values: { b: 2 } });
    await stores[0].registry.deleteDevice(id, 1, 'test');
    await redis.client.set(`{${id}}:alive`, 1);
    await redis.client.hset(`{${id}}:latest`, '=b', '1 2');
    // The deletion itself has made the note; now it is old.
    expect(await redis.client.zadd('{gm}:purges', 'XX', 'CH', 1, `1${id}`)).toBe(1);
    await expect.poll(() => redis.client.keys(`{${id}}:*`), { timeout: 15_000 }).toEqual([]);
    expect(await redis.client.zcard('{gm}:purges')).toBe(0);
  });
});
