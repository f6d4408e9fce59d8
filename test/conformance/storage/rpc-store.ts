import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { newRpcId, type PersistentRpc } from '../../../src/model/rpc.ts';
import { benchFor, type MakeStore, register } from './harness.ts';

const T0 = 1_800_000_000_000;

export function rpcConformance(name: string, make: MakeStore): void {
  describe(`${name}: persistent calls`, () => {
    const bench = benchFor(make, { maxRpcs: 6, maxRpcsPerDevice: 4 });
    const rpcOf = (deviceId: DeviceId, change: Partial<PersistentRpc> = {}): PersistentRpc => ({
      id: newRpcId(T0),
      deviceId,
      createdAt: T0,
      expiresAt: T0 + 60_000,
      oneway: false,
      method: 'm',
      params: '{"n":9007199254740993,"x":42.0}',
      state: 'QUEUED',
      retries: 0,
      ...change,
    });
    const create = async (rpc: PersistentRpc): Promise<PersistentRpc> => {
      expect(await bench.storage.rpcs.create(rpc)).toBe('created');
      return rpc;
    };
    const undelivered = async (deviceId: DeviceId, limit = 10) =>
      (await bench.storage.rpcs.undelivered(deviceId, { now: T0, limit })).map(({ id }) => id);

    it('a call comes back as it was, also after a reopen', async () => {
      const deviceId = await register(bench.storage);
      const rpc = await create(rpcOf(deviceId, { maxRetries: 2, additionalInfo: '{"a":1}' }));
      await bench.reopen();
      expect(await bench.storage.rpcs.get(rpc.id)).toEqual(rpc);
      expect(await bench.storage.rpcs.get(newRpcId(1))).toBeUndefined();
    });

    it('what is to be delivered is read in the order of creation, up to the limit, without the expired', async () => {
      const deviceId = await register(bench.storage);
      const other = await register(bench.storage);
      const rpcs = await Promise.all([1, 2, 3].map(() => create(rpcOf(deviceId))));
      await create(rpcOf(other));
      expect(await undelivered(deviceId)).toEqual(rpcs.map(({ id }) => id));
      expect(await undelivered(deviceId, 2)).toEqual(rpcs.slice(0, 2).map(({ id }) => id));
      expect(await bench.storage.rpcs.undelivered(deviceId, { now: T0 + 60_000, limit: 9 })).toEqual([]);
    });

    it('SENT and TIMEOUT are still to be delivered, DELIVERED and what follows not', async () => {
      const deviceId = await register(bench.storage);
      const { id } = await create(rpcOf(deviceId));
      const { rpcs } = bench.storage;
      for (const state of ['SENT', 'TIMEOUT', 'SENT'] as const) {
        expect(await rpcs.update(id, { state, at: T0, retries: 1 })).toBe(true);
        expect(await undelivered(deviceId)).toEqual([id]);
      }
      expect(await rpcs.update(id, { state: 'DELIVERED', at: T0 })).toBe(true);
      expect(await undelivered(deviceId)).toEqual([]);
      expect(await rpcs.update(id, { state: 'SUCCESSFUL', at: T0, response: '{"ok":1.0}' })).toBe(true);
      expect(await rpcs.get(id)).toMatchObject({ state: 'SUCCESSFUL', retries: 1, response: '{"ok":1.0}' });
    });

    it('a finished call is not changed any more; DELIVERED finishes a one-way call only', async () => {
      const deviceId = await register(bench.storage);
      const { rpcs } = bench.storage;
      const oneway = await create(rpcOf(deviceId, { oneway: true }));
      const failed = await create(rpcOf(deviceId));
      expect(await rpcs.update(oneway.id, { state: 'DELIVERED', at: T0 })).toBe(true);
      expect(await rpcs.update(oneway.id, { state: 'SUCCESSFUL', at: T0 })).toBe(false);
      expect(await rpcs.update(failed.id, { state: 'FAILED', at: T0, response: '{}' })).toBe(true);
      expect(await rpcs.update(failed.id, { state: 'SUCCESSFUL', at: T0 })).toBe(false);
      expect((await rpcs.get(failed.id))?.state).toBe('FAILED');
      expect(await rpcs.update(newRpcId(1), { state: 'SENT', at: T0 })).toBe(false);
    });

    it('of two outcomes at once, one stands', async () => {
      const { id } = await create(rpcOf(await register(bench.storage)));
      const took = await Promise.all(
        (['SUCCESSFUL', 'EXPIRED'] as const).map((state) => bench.storage.rpcs.update(id, { state, at: T0 })),
      );
      expect(took).toEqual([true, false]);
    });

    it('a sweep expires what is due and removes what ended long ago, each once', async () => {
      const deviceId = await register(bench.storage);
      const due = await create(rpcOf(deviceId, { expiresAt: T0 + 10 }));
      const later = await create(rpcOf(deviceId, { expiresAt: T0 + 11 }));
      const done = await create(rpcOf(deviceId));
      const { rpcs } = bench.storage;
      await rpcs.update(done.id, { state: 'SUCCESSFUL', at: T0 });
      const sweep = (now: number) => rpcs.sweep({ now, keepMs: 1_000, limit: 10 });
      expect(await sweep(T0 + 9)).toEqual({ expired: [], removed: 0 });
      expect(await sweep(T0 + 10)).toEqual({ expired: [{ id: due.id, deviceId }], removed: 0 });
      expect((await rpcs.get(due.id))?.state).toBe('EXPIRED');
      expect(await sweep(T0 + 10)).toEqual({ expired: [], removed: 0 });
      expect(await sweep(T0 + 1_000)).toEqual({ expired: [{ id: later.id, deviceId }], removed: 1 });
      expect(await rpcs.get(done.id)).toBeUndefined();
      expect(await sweep(T0 + 10_000)).toEqual({ expired: [], removed: 2 });
      expect((await rpcs.list(deviceId, { page: 0, pageSize: 9 })).totalElements).toBe(0);
    });

    it('calls are listed newest first, by state too', async () => {
      const deviceId = await register(bench.storage);
      const [a, b, c] = [await create(rpcOf(deviceId)), await create(rpcOf(deviceId)), await create(rpcOf(deviceId))];
      await bench.storage.rpcs.update(b.id, { state: 'SUCCESSFUL', at: T0 });
      const { rpcs } = bench.storage;
      const page = await rpcs.list(deviceId, { page: 0, pageSize: 2 });
      expect([page.data.map(({ id }) => id), page.totalElements, page.hasNext]).toEqual([[c.id, b.id], 3, true]);
      const queued = await rpcs.list(deviceId, { page: 0, pageSize: 9, state: 'QUEUED' });
      expect([queued.data.map(({ id }) => id), queued.totalElements]).toEqual([[c.id, a.id], 2]);
    });

    it('the oldest finished call makes room; among unfinished ones there is none', async () => {
      const deviceId = await register(bench.storage);
      const { rpcs } = bench.storage;
      const made = [];
      for (let i = 0; i < 4; i++) made.push(await create(rpcOf(deviceId)));
      expect(await rpcs.create(rpcOf(deviceId))).toBe('full');
      await rpcs.update(made[1]?.id ?? newRpcId(1), { state: 'FAILED', at: T0 });
      await create(rpcOf(deviceId));
      expect(await rpcs.get(made[1]?.id ?? newRpcId(1))).toBeUndefined();
      const other = await register(bench.storage);
      await create(rpcOf(other));
      await create(rpcOf(other));
      expect(await rpcs.create(rpcOf(other))).toBe('full');
    });

    it('calls go with their device, and one of an unknown device is not taken', async () => {
      const deviceId = await register(bench.storage);
      const rpc = await create(rpcOf(deviceId));
      await bench.storage.registry.deleteDevice(deviceId, T0, 'test');
      expect(await bench.storage.rpcs.get(rpc.id)).toBeUndefined();
      expect(await bench.storage.rpcs.create(rpcOf(deviceId))).toBe('unknown-device');
      expect(await bench.storage.rpcs.sweep({ now: T0 + 99_999_999, keepMs: 1, limit: 9 })).toEqual({
        expired: [],
        removed: 0,
      });
    });

    it('a removed call is gone', async () => {
      const { id } = await create(rpcOf(await register(bench.storage)));
      expect(await bench.storage.rpcs.remove(id)).toBe(true);
      expect(await bench.storage.rpcs.remove(id)).toBe(false);
      expect(await bench.storage.rpcs.get(id)).toBeUndefined();
    });
  });
}
