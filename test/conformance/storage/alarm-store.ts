import { describe, expect, it } from 'vitest';
import { type AlarmOriginator, type AlarmRequest, newAlarmId } from '../../../src/model/alarm.ts';
import { newDeviceId, newUserId, type UserId } from '../../../src/model/ids.ts';
import { ExactNumber } from '../../../src/model/json.ts';
import type { AlarmFilter } from '../../../src/storage/alarm-store.ts';
import { anAsset, aSupplier, benchFor, type MakeStore, register } from './harness.ts';

const T0 = 1_800_000_000_000;

export function alarmConformance(name: string, make: MakeStore): void {
  describe(`${name}: alarms`, () => {
    const bench = benchFor(make, { maxAlarms: 6, maxAlarmsPerOriginator: 4 });
    const device = async (): Promise<AlarmOriginator> => ({ entityType: 'DEVICE', id: await register(bench.storage) });
    const request = (originator: AlarmOriginator, change: Partial<AlarmRequest> = {}): AlarmRequest => ({
      originator,
      type: 'High',
      severity: 'MAJOR',
      startTs: T0,
      at: T0,
      ...change,
    });
    const raise = async (originator: AlarmOriginator, change: Partial<AlarmRequest> = {}) => {
      const result = await bench.storage.alarms.raise(request(originator, change));
      if (!('alarm' in result)) throw new Error(result.kind);
      return result;
    };
    const typesOf = async (filter: AlarmFilter & { oldestFirst?: boolean; page?: number; pageSize?: number } = {}) => {
      const found = await bench.storage.alarms.list({ page: 0, pageSize: 10, ...filter });
      return [found.data.map(({ type }) => type).join(), found.totalElements, found.hasNext];
    };

    it('an alarm comes back as it was, numbers with their text, also after a reopen', async () => {
      const originator = await device();
      const details = { limit: new ExactNumber('90.0'), __proto__x: 1 };
      const { kind, alarm } = await raise(originator, { details });
      expect([kind, alarm.acknowledged, alarm.cleared, alarm.startTs, alarm.endTs]).toEqual([
        'created',
        false,
        false,
        T0,
        T0,
      ]);
      await bench.reopen();
      expect(await bench.storage.alarms.get(alarm.id)).toEqual(alarm);
      expect(await bench.storage.alarms.active(originator, 'High')).toEqual(alarm);
      expect(await bench.storage.alarms.get(newAlarmId(1))).toBeUndefined();
      expect(await bench.storage.alarms.active(originator, 'Low')).toBeUndefined();
    });

    it('of one originator and type one alarm is active, also when two are raised at once', async () => {
      const originator = await device();
      const both = await Promise.all([raise(originator), raise(originator, { severity: 'CRITICAL', at: T0 + 5 })]);
      expect(both.map(({ kind }) => kind)).toEqual(['created', 'severity-updated']);
      expect(both[0]?.alarm.id).toBe(both[1]?.alarm.id);
      expect((await raise(originator, { severity: 'CRITICAL', at: T0 + 9 })).kind).toBe('updated');
      expect(await typesOf()).toEqual(['High', 1, false]);
      const other = await device();
      expect((await raise(other)).kind).toBe('created');
      expect((await raise(originator, { type: 'Other' })).kind).toBe('created');
    });

    it('an update keeps start, id and, without new ones, details; a lower severity changes nothing when told so', async () => {
      const originator = await device();
      const { alarm } = await raise(originator, { details: { a: 1 } });
      const updated = await raise(originator, { severity: 'MINOR', startTs: T0 + 7, at: T0 + 9 });
      expect(updated.alarm).toEqual({ ...alarm, severity: 'MINOR', endTs: T0 + 9 });
      const outranked = await raise(originator, { severity: 'WARNING', at: T0 + 10, noDowngrade: true });
      expect(outranked).toEqual({ kind: 'outranked', alarm: updated.alarm });
      expect(await bench.storage.alarms.get(alarm.id)).toEqual(updated.alarm);
      const same = await raise(originator, { severity: 'MINOR', at: T0 + 11, noDowngrade: true, details: { b: 2 } });
      expect([same.kind, same.alarm.details]).toEqual(['updated', { b: 2 }]);
    });

    it('an alarm does not begin later than now', async () => {
      const { alarm } = await raise(await device(), { startTs: T0 + 100 });
      expect([alarm.startTs, alarm.endTs]).toEqual([T0, T0]);
    });

    it('a cleared alarm stays; the next of its type is a new one', async () => {
      const originator = await device();
      const { alarms } = bench.storage;
      const { alarm } = await raise(originator);
      expect(await alarms.clear(alarm.id, T0 + 5, { why: 'done' })).toEqual({
        kind: 'changed',
        alarm: { ...alarm, cleared: true, clearTs: T0 + 5, details: { why: 'done' } },
      });
      expect((await alarms.clear(alarm.id, T0 + 6))?.kind).toBe('unchanged');
      expect(await alarms.active(originator, 'High')).toBeUndefined();
      const next = await raise(originator, { at: T0 + 10 });
      expect([next.kind, next.alarm.id === alarm.id]).toEqual(['created', false]);
      expect(await alarms.clear(newAlarmId(1), T0)).toBeUndefined();
    });

    it('acknowledging and assigning happen once, before or after the end', async () => {
      const { alarms } = bench.storage;
      const { alarm } = await raise(await device());
      const user: UserId = newUserId(T0);
      expect((await alarms.assign(alarm.id, user, T0 + 1))?.alarm).toMatchObject({
        assigneeId: user,
        assignTs: T0 + 1,
      });
      expect((await alarms.assign(alarm.id, user, T0 + 2))?.kind).toBe('unchanged');
      await alarms.clear(alarm.id, T0 + 3);
      const acknowledged = await alarms.acknowledge(alarm.id, T0 + 4);
      expect(acknowledged?.alarm).toMatchObject({ acknowledged: true, ackTs: T0 + 4, cleared: true });
      expect((await alarms.acknowledge(alarm.id, T0 + 5))?.kind).toBe('unchanged');
      expect((await alarms.assign(alarm.id, undefined, T0 + 6))?.alarm.assigneeId).toBeUndefined();
      expect(await alarms.acknowledge(newAlarmId(1), T0)).toBeUndefined();
    });

    it('alarms are listed newest first, by every filter, page by page', async () => {
      const [a, b] = [await device(), await device()];
      await raise(a, { type: 'one', at: T0 + 1, severity: 'CRITICAL' });
      const two = await raise(a, { type: 'two', at: T0 + 2 });
      await raise(b, { type: 'three', at: T0 + 3, severity: 'WARNING' });
      const { alarms } = bench.storage;
      await alarms.clear(two.alarm.id, T0 + 4);
      await alarms.assign(two.alarm.id, newUserId(7), T0 + 4);
      expect(await typesOf()).toEqual(['three,two,one', 3, false]);
      expect(await typesOf({ oldestFirst: true })).toEqual(['one,two,three', 3, false]);
      expect(await typesOf({ pageSize: 2 })).toEqual(['three,two', 3, true]);
      expect(await typesOf({ pageSize: 2, page: 1 })).toEqual(['one', 3, false]);
      expect(await typesOf({ originator: a })).toEqual(['two,one', 2, false]);
      expect(await typesOf({ originator: a, pageSize: 1, page: 1 })).toEqual(['one', 2, false]);
      expect(await typesOf({ statuses: ['CLEARED_UNACK', 'CLEARED_ACK'] })).toEqual(['two', 1, false]);
      expect(await typesOf({ severities: ['CRITICAL', 'WARNING'] })).toEqual(['three,one', 2, false]);
      expect(await typesOf({ types: ['one', 'nil'] })).toEqual(['one', 1, false]);
      expect(await typesOf({ textSearch: 'W' })).toEqual(['two', 1, false]);
      expect(await typesOf({ startTime: T0 + 2 })).toEqual(['three,two', 2, false]);
      expect(await typesOf({ endTime: T0 + 2, originator: a })).toEqual(['two,one', 2, false]);
      expect(await typesOf({ startTime: T0 + 3, endTime: T0 + 2 })).toEqual(['', 0, false]);
      expect(await typesOf({ assigneeId: newUserId(8) })).toEqual(['', 0, false]);
      expect(await typesOf({ originator: { entityType: 'DEVICE', id: 'no-uuid' } })).toEqual(['', 0, false]);
      expect(await alarms.highestSeverity({ originator: a })).toBe('CRITICAL');
      expect(await alarms.highestSeverity({ originator: a, statuses: ['CLEARED_UNACK'] })).toBe('MAJOR');
      expect(await alarms.highestSeverity({ statuses: ['CLEARED_ACK'] })).toBeUndefined();
      expect(await alarms.types()).toEqual(['one', 'three', 'two']);
    });

    it('a supplier is given the alarms of the devices attached to it', async () => {
      const { storage } = bench;
      const [mine, free] = [await device(), await device()];
      const supplier = await aSupplier(storage);
      const attached = await storage.attachments.attach({
        deviceId: mine.id as never,
        supplierId: supplier.id,
        supplyPoint: { scheme: 'es-cups', stem: 'ES0021000000000001' },
        supplyPointHash: 'h',
        grid: { code: '0021', name: 'G' },
        onConflict: 'reject',
        by: 'test',
        now: T0,
      });
      expect(attached.kind).toBe('attached');
      await raise(mine, { type: 'mine' });
      await raise(free, { type: 'free' });
      await raise({ entityType: 'TENANT', id: newDeviceId(1) }, { type: 'tenant' });
      expect(await typesOf({ supplierId: supplier.id })).toEqual(['mine', 1, false]);
    });

    it('what ended first makes room; active alarms stay', async () => {
      const { alarms } = bench.storage;
      const originator = await device();
      const made = [];
      for (let i = 0; i < 4; i++) made.push((await raise(originator, { type: `t${i}`, at: T0 + i })).alarm);
      expect(await alarms.raise(request(originator, { type: 'more' }))).toEqual({ kind: 'full' });
      await alarms.clear(made[2]?.id ?? newAlarmId(1), T0 + 10);
      await alarms.clear(made[1]?.id ?? newAlarmId(1), T0 + 11);
      await raise(originator, { type: 'more', at: T0 + 12 });
      expect(await typesOf({ originator, oldestFirst: true })).toEqual(['t0,t1,t3,more', 4, false]);
      const other = await device();
      await raise(other, { type: 'o1', at: T0 + 13 });
      await raise(other, { type: 'o2', at: T0 + 14 });
      await raise(other, { type: 'o3', at: T0 + 15 });
      expect(await typesOf({ oldestFirst: true })).toEqual(['t0,t3,more,o1,o2,o3', 6, false]);
      expect(await alarms.raise(request(other, { type: 'o4' }))).toEqual({ kind: 'full' });
    });

    it('a removed alarm is gone with its type', async () => {
      const { alarms } = bench.storage;
      const originator = await device();
      const { alarm } = await raise(originator);
      expect(await alarms.remove(alarm.id)).toEqual(alarm);
      expect(await alarms.remove(alarm.id)).toBeUndefined();
      expect([await alarms.types(), await typesOf()]).toEqual([[], ['', 0, false]]);
      expect(await alarms.active(originator, 'High')).toBeUndefined();
    });

    it('alarms go with their device or asset, and one of an unknown originator is not taken', async () => {
      const { storage } = bench;
      const originator = await device();
      const asset = anAsset('Grid', 'G');
      await storage.assets.ensureAsset(asset);
      const grid: AlarmOriginator = { entityType: 'ASSET', id: asset.id };
      await raise(originator);
      const { alarm } = await raise(originator, { type: 'second' });
      await storage.alarms.clear(alarm.id, T0);
      await raise(grid);
      await storage.registry.deleteDevice(originator.id as never, T0, 'test');
      expect(await typesOf()).toEqual(['High', 1, false]);
      await storage.assets.removeAsset(asset.id);
      expect([await typesOf(), await storage.alarms.types()]).toEqual([['', 0, false], []]);
      for (const gone of [originator, grid, { entityType: 'CUSTOMER', id: newDeviceId(1) } as const]) {
        expect(await storage.alarms.raise(request(gone))).toEqual({ kind: 'unknown-originator' });
      }
      const odd = { entityType: 'TENANT', id: 'no-uuid' } as const;
      expect(await storage.alarms.raise(request(odd))).toEqual({ kind: 'unknown-originator' });
    });
  });
}
