import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { benchFor, type MakeStore, newDevice, register } from './harness.ts';

export function connectivityConformance(name: string, make: MakeStore): void {
  describe(`${name}: connectivity`, () => {
    const bench = benchFor(make);
    const store = () => bench.storage.connectivity;
    const value = async (deviceId: DeviceId, key: string) =>
      (await bench.storage.attributes.read(deviceId, 'SERVER_SCOPE', [key])).get(key);

    it('writes server attributes of several devices, and lists who is due in order of time', async () => {
      const [a, b, c] = [await register(bench.storage), await register(bench.storage), await register(bench.storage)];
      await store().save([
        { deviceId: a, values: { active: true, lastActivityTime: 7 }, ts: 9, due: 300 },
        { deviceId: b, values: { active: true }, ts: 9, due: 100 },
        { deviceId: c, values: {}, ts: 9, due: 200 },
      ]);
      expect(await value(a, 'lastActivityTime')).toEqual({ ts: 9, value: 7 });
      expect(await store().due(99, 10)).toEqual([]);
      expect(await store().due(300, 10)).toEqual([b, c, a]);
      expect(await store().due(300, 2)).toEqual([b, c]);
    });

    it('a later time replaces the former one, never takes the device off, and an absent one leaves it', async () => {
      const a = await register(bench.storage);
      await store().save([{ deviceId: a, values: {}, ts: 1, due: 100 }]);
      await store().save([{ deviceId: a, values: {}, ts: 1, due: 500 }]);
      await store().save([{ deviceId: a, values: { active: true }, ts: 1 }]);
      expect(await store().due(499, 10)).toEqual([]);
      expect(await store().due(500, 10)).toEqual([a]);
      await store().save([{ deviceId: a, values: {}, ts: 1, due: 'never' }]);
      expect(await store().due(1e12, 10)).toEqual([]);
    });

    it('is on disk: the list is the same after a restart', async () => {
      const a = await register(bench.storage);
      await store().save([{ deviceId: a, values: { active: true }, ts: 1, due: 100 }]);
      await bench.reopen();
      expect(await store().due(100, 10)).toEqual([a]);
    });

    it('a new device is due when its creation says so; a deleted one is not, and takes no write', async () => {
      const entry = newDevice({}, { stateDue: 50 });
      const { id } = entry.device;
      await bench.storage.registry.createDevice(entry);
      expect(await store().due(50, 10)).toEqual([id]);
      await bench.storage.registry.deleteDevice(id, 1, 'test');
      expect(await store().due(50, 10)).toEqual([]);
      await store().save([{ deviceId: id, values: { active: true }, ts: 1, due: 60 }]);
      expect(await store().due(60, 10)).toEqual([]);
      expect(await value(id, 'active')).toBeUndefined();
    });
  });
}
