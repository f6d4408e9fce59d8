import { describe, expect, it } from 'vitest';
import { newCustomerId } from '../../../src/model/ids.ts';
import { benchFor, type MakeStore, register } from './harness.ts';

export function customerConformance(name: string, make: MakeStore): void {
  describe(`${name}: customers and claims`, () => {
    const bench = benchFor(make);
    const store = () => bench.storage.customers;
    const customer = async (title: string) => {
      const made = { id: newCustomerId(1_700_000_000_000), title, createdAt: 1 };
      expect(await store().createCustomer(made)).toBe('created');
      return made;
    };

    it('a title is taken once; customers are listed by title', async () => {
      const b = await customer('b');
      const a = await customer('a');
      expect(await store().createCustomer({ ...b, id: newCustomerId(2) })).toBe('title-taken');
      expect(await store().customers({ page: 0, pageSize: 1 })).toEqual({ data: [a], totalElements: 2, hasNext: true });
      expect(await store().customer(b.id)).toEqual(b);
      expect(await store().customer(newCustomerId(3))).toBeUndefined();
    });

    it('the first registration stands until it expires', async () => {
      const id = await register(bench.storage);
      expect(await store().register(id, { secretHash: 'one', expiresAt: 100 }, 50)).toBe(true);
      expect(await store().register(id, { secretHash: 'two', expiresAt: 200 }, 99)).toBe(false);
      expect(await store().registration(id)).toEqual({ secretHash: 'one', expiresAt: 100 });
      expect(await store().register(id, { secretHash: 'two', expiresAt: 200 }, 100)).toBe(true);
      await store().dropRegistration(id);
      expect(await store().registration(id)).toBeUndefined();
    });

    it('of many that claim at once one has the device; its registration is used up', async () => {
      const id = await register(bench.storage);
      const mine = await customer('mine');
      await store().register(id, { secretHash: 'one', expiresAt: 100 }, 1);
      const all = await Promise.all(Array.from({ length: 5 }, () => store().assign(id, mine.id)));
      expect(all.filter((one) => one === 'assigned')).toHaveLength(1);
      expect(await store().customerOf(id)).toBe(mine.id);
      expect(await store().registration(id)).toBeUndefined();
      expect(await store().register(id, { secretHash: 'two', expiresAt: 100 }, 1)).toBe(false);
      expect(await store().unassign(id)).toBe(true);
      expect(await store().unassign(id)).toBe(false);
      expect(await store().customerOf(id)).toBeUndefined();
    });

    it('registration and customer go with the device', async () => {
      const id = await register(bench.storage);
      const mine = await customer('mine');
      await store().register(id, { secretHash: 'one', expiresAt: 100 }, 1);
      await bench.storage.registry.deleteDevice(id, 1, 'test');
      expect(await store().registration(id)).toBeUndefined();
      expect(await store().register(id, { secretHash: 'one', expiresAt: 100 }, 1)).toBe(false);
      expect(await store().assign(id, mine.id)).toBe('unknown');
    });
  });
}
