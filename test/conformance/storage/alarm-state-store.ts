import { describe, expect, it } from 'vitest';
import { newDeviceId } from '../../../src/model/ids.ts';
import { benchFor, type MakeStore, register } from './harness.ts';

const AT = { chain: 'main', node: 'rules' };

export function alarmStateConformance(name: string, make: MakeStore): void {
  describe(`${name}: states of alarm rules`, () => {
    const bench = benchFor(make);

    it('of a device and node one is kept, the last, also after a reopen', async () => {
      const { alarmStates } = bench.storage;
      const deviceId = await register(bench.storage);
      await alarmStates.save({ deviceId, at: AT, state: { count: 1 }, dueAt: 5 });
      const last = { deviceId, at: AT, state: { count: 2, text: 'é' }, dueAt: 7 };
      await alarmStates.save(last);
      await bench.reopen();
      expect(await bench.storage.alarmStates.load(deviceId, AT)).toEqual(last);
      expect(await bench.storage.alarmStates.load(deviceId, { chain: 'main', node: 'other' })).toBeUndefined();
      expect(await bench.storage.alarmStates.load(newDeviceId(1), AT)).toBeUndefined();
      expect(await bench.storage.alarmStates.due(9)).toEqual([last]);
    });

    it('those with a time are given the earliest first, up to the limit', async () => {
      const { alarmStates } = bench.storage;
      const ids = await Promise.all([1, 2, 3, 4].map(() => register(bench.storage)));
      const dues = [30, 10, undefined, 20];
      for (const [index, deviceId] of ids.entries()) {
        const dueAt = dues[index];
        await alarmStates.save({ deviceId, at: AT, state: {}, ...(dueAt === undefined ? {} : { dueAt }) });
      }
      expect((await alarmStates.due(9)).map(({ dueAt }) => dueAt)).toEqual([10, 20, 30]);
      expect((await alarmStates.due(1)).map(({ dueAt }) => dueAt)).toEqual([10]);
    });

    it('they go with their device, and one of an unknown device is not kept', async () => {
      const { alarmStates, registry } = bench.storage;
      const deviceId = await register(bench.storage);
      await alarmStates.save({ deviceId, at: AT, state: {}, dueAt: 1 });
      await registry.deleteDevice(deviceId, 1, 'test');
      expect([await alarmStates.load(deviceId, AT), await alarmStates.due(9)]).toEqual([undefined, []]);
      await alarmStates.save({ deviceId, at: AT, state: {}, dueAt: 1 });
      expect(await alarmStates.load(deviceId, AT)).toBeUndefined();
    });
  });
}
