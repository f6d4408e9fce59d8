import { describe, expect, it } from 'vitest';
import { TENANT } from '../../../src/model/entity.ts';
import { newDeviceId } from '../../../src/model/ids.ts';
import type { StoredMessage } from '../../../src/storage/message-store.ts';
import { benchFor, type MakeStore, register } from './harness.ts';

const T0 = 1_800_000_000_000;

export function messageConformance(name: string, make: MakeStore): void {
  describe(`${name}: messages that wait`, () => {
    const bench = benchFor(make, { maxMessages: 6, maxMessagesPerOriginator: 4 });
    const device = async () => ({ entityType: 'DEVICE', id: await register(bench.storage) }) as const;
    const message = (
      id: string,
      originator: StoredMessage['originator'],
      change: Partial<StoredMessage> = {},
    ): StoredMessage => ({
      id,
      originator,
      dueAt: T0,
      chain: 'main',
      node: 'save',
      sealed: `text of ${id}`,
      ...change,
    });
    const put = (one: StoredMessage) => bench.storage.messages.put(one);
    const dueIds = async (now = T0, limit = 10) => (await bench.storage.messages.due(now, limit)).map(({ id }) => id);

    it('one comes back as it was, also after a reopen, until it is removed', async () => {
      const one = message('a'.repeat(3000), await device(), { node: 'a node, "quoted"', sealed: '\u00e9\u4e2d' });
      expect(await put(one)).toBe('stored');
      await bench.reopen();
      expect(await bench.storage.messages.due(T0, 5)).toEqual([one]);
      expect(await bench.storage.messages.remove(one.id)).toBe(true);
      expect(await bench.storage.messages.remove(one.id)).toBe(false);
      expect(await dueIds()).toEqual([]);
    });

    it('the longest due comes first, equals in the order they were put, those of a later time not at all', async () => {
      const [a, b] = [await device(), await device()];
      await put(message('late', a, { dueAt: T0 + 1 }));
      await put(message('second', a));
      await put(message('third', b));
      await put(message('first', b, { dueAt: T0 - 1 }));
      expect(await dueIds()).toEqual(['first', 'second', 'third']);
      expect(await dueIds(T0, 2)).toEqual(['first', 'second']);
      expect(await dueIds(T0 + 1)).toEqual(['first', 'second', 'third', 'late']);
    });

    it('tells when the first is due after a time', async () => {
      expect(await bench.storage.messages.nextDue(0)).toBeUndefined();
      const a = await device();
      await put(message('later', a, { dueAt: T0 + 500 }));
      await put(message('sooner', a, { dueAt: T0 + 100 }));
      expect(await bench.storage.messages.nextDue(T0 + 99)).toBe(T0 + 100);
      expect(await bench.storage.messages.nextDue(T0 + 100)).toBe(T0 + 500);
      await bench.storage.messages.remove('sooner');
      expect(await bench.storage.messages.nextDue(T0)).toBe(T0 + 500);
      expect(await bench.storage.messages.nextDue(T0 + 500)).toBeUndefined();
    });

    it('one of a known id takes the place of the former', async () => {
      const a = await device();
      await put(message('one', a));
      expect(await put(message('one', a, { dueAt: T0 + 9, sealed: 'again' }))).toBe('stored');
      expect(await dueIds()).toEqual([]);
      expect(await bench.storage.messages.due(T0 + 9, 5)).toMatchObject([{ id: 'one', sealed: 'again' }]);
    });

    it('is full at its limits, and takes again when one is gone', async () => {
      const [a, b] = [await device(), await device()];
      for (let i = 0; i < 4; i++) expect(await put(message(`a${i}`, a))).toBe('stored');
      expect(await put(message('a4', a))).toBe('full');
      for (let i = 0; i < 2; i++) expect(await put(message(`b${i}`, b))).toBe('stored');
      expect(await put(message('b2', b))).toBe('full');
      expect(await bench.storage.messages.count()).toBe(6);
      await bench.storage.messages.remove('a0');
      expect(await bench.storage.messages.count()).toBe(5);
      expect(await put(message('b2', b))).toBe('stored');
      expect(await dueIds()).toEqual(['a1', 'a2', 'a3', 'b0', 'b1', 'b2']);
    });

    it('they go with their device, and one of an unknown device is not taken', async () => {
      const [a, b] = [await device(), await device()];
      await put(message('mine', a));
      await put(message('its', b));
      await bench.storage.registry.deleteDevice(a.id, T0, 'tester');
      expect(await dueIds()).toEqual(['its']);
      expect(await put(message('gone', a))).toBe('unknown-originator');
      expect(await put(message('never', { entityType: 'DEVICE', id: newDeviceId(1) }))).toBe('unknown-originator');
      expect(await put(message('no id', { entityType: 'ASSET', id: 'none' }))).toBe('unknown-originator');
      for (let i = 0; i < 4; i++) expect(await put(message(`t${i}`, TENANT))).toBe('stored');
    });

    it('one that is put and removed in the same turn is gone', async () => {
      const a = await device();
      const both = [put(message('one', a)), bench.storage.messages.remove('one')];
      expect(await Promise.all(both)).toEqual(['stored', true]);
      expect(await dueIds()).toEqual([]);
    });
  });
}
