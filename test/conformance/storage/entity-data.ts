import { describe, expect, it } from 'vitest';
import { type EntityId, TENANT } from '../../../src/model/entity.ts';
import { newCustomerId } from '../../../src/model/ids.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { anAsset, benchFor, exact, type MakeStore, points, register } from './harness.ts';

const everything = { keys: ['a'], startTs: 0, endTs: 10_000, limit: 100, order: 'ASC' } as const;

async function addAsset(storage: Storage, name: string): Promise<EntityId & { entityType: 'ASSET' }> {
  const { asset } = await storage.assets.ensureAsset(anAsset('Building', name));
  return { entityType: 'ASSET', id: asset.id };
}

async function addCustomer(storage: Storage, title: string) {
  const { customer } = await storage.customers.ensureCustomer({ id: newCustomerId(1), title, createdAt: 1 });
  return customer.id;
}

/** What devices have, assets, customers and the tenant have as well. */
export function entityDataConformance(name: string, make: MakeStore): void {
  describe(`${name}: data of every kind of entity`, () => {
    const bench = benchFor(make);

    const owners = {
      asset: async () => (await addAsset(bench.storage, 'B1')).id,
      customer: () => addCustomer(bench.storage, 'ACME'),
      tenant: async () => TENANT.id,
    };
    it.each(Object.entries(owners))('attributes and telemetry of an entity: %s', async (_, make) => {
      const entityId = await make();
      const { attributes, telemetry } = bench.storage;
      await attributes.save({ entityId, scope: 'SERVER_SCOPE', values: { limit: 5 }, ts: 3, onlyOnChange: false });
      await Promise.all([
        telemetry.save({ entityId, ts: 1, values: { a: 1 } }),
        telemetry.save({ entityId, ts: 2, values: { a: 2 } }),
      ]);
      await bench.reopen();
      const { storage } = bench;
      expect(exact(await storage.attributes.read(entityId, 'SERVER_SCOPE'))).toEqual({ limit: '3 5' });
      expect(exact(await storage.telemetry.latest(entityId))).toEqual({ a: '2 2' });
      const range = await storage.telemetry.range({ entityId, ...everything });
      expect(points(range.get('a'))).toEqual([
        [1, 1],
        [2, 2],
      ]);
    });

    it('what is in nobody’s registry has no data', async () => {
      const entityId = '0193b5f2-0000-7000-8000-000000000000';
      await bench.storage.telemetry.save({ entityId, ts: 1, values: { a: 1 } });
      expect((await bench.storage.telemetry.latest(entityId)).size).toBe(0);
    });

    it('an asset that is removed leaves no attributes, telemetry, relations or customer to one of the same id', async () => {
      const { storage } = bench;
      const asset = anAsset('Building', 'B2');
      await storage.assets.ensureAsset(asset);
      const entityId = asset.id;
      const customer = await addCustomer(storage, 'ACME');
      await storage.customers.give(entityId, customer);
      await storage.attributes.save({
        entityId,
        scope: 'SERVER_SCOPE',
        values: { limit: 5 },
        ts: 3,
        onlyOnChange: false,
      });
      const fill = 'x'.repeat(500);
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => storage.telemetry.save({ entityId, ts: i, values: { a: i, fill } })),
      );
      expect(await storage.assets.removeAsset(asset.id)).toBe(true);
      expect((await storage.telemetry.latest(entityId)).size).toBe(0);
      await storage.assets.ensureAsset(asset);
      await storage.telemetry.save({ entityId, ts: 9_000, values: { a: 9 } });
      expect((await storage.attributes.read(entityId, 'SERVER_SCOPE')).size).toBe(0);
      expect(points((await storage.telemetry.range({ entityId, ...everything })).get('a'))).toEqual([[9_000, 9]]);
      expect(await storage.customers.customerOf(entityId)).toBeUndefined();
    });

    it('relations lead to customers and the tenant, too', async () => {
      const { storage } = bench;
      const device = { entityType: 'DEVICE', id: await register(storage) } as const;
      const customer = { entityType: 'CUSTOMER', id: await addCustomer(storage, 'ACME') } as const;
      expect(await storage.assets.addRelation({ from: customer, type: 'Owns', to: device })).toBe(true);
      expect(await storage.assets.addRelation({ from: TENANT, type: 'Owns', to: device })).toBe(true);
      const found = await storage.assets.relationsTo(device);
      expect(found.map(({ from }) => from)).toEqual([customer, { ...TENANT }]);
      expect(await storage.assets.relationsTo(device, 'Owns', 1)).toHaveLength(1);
      const nobody = { entityType: 'TENANT', id: device.id } as const;
      expect(await storage.assets.addRelation({ from: nobody, type: 'Owns', to: device })).toBe(false);
    });

    it('setRelation replaces the others of its type on one side in one step, and nothing else', async () => {
      const { assets } = bench.storage;
      const device = { entityType: 'DEVICE', id: await register(bench.storage) } as const;
      const [one, two, three] = [
        await addAsset(bench.storage, 'one'),
        await addAsset(bench.storage, 'two'),
        await addAsset(bench.storage, 'three'),
      ];
      for (const from of [one, two]) await assets.addRelation({ from, type: 'Contains', to: device });
      await assets.addRelation({ from: one, type: 'Feeds', to: device });
      await assets.addRelation({ from: device, type: 'Contains', to: one });
      const wanted = { from: three, type: 'Contains', to: device };
      expect(await assets.setRelation(wanted, 'to')).toBe('added');
      expect(await assets.setRelation(wanted, 'to')).toBe('present');
      expect((await assets.relationsTo(device)).map(({ from, type }) => `${type} ${from.id}`)).toEqual([
        `Contains ${three.id}`,
        `Feeds ${one.id}`,
      ]);
      expect(await assets.relationsFrom(device)).toHaveLength(1);
      const unknown = { entityType: 'ASSET', id: '0193b5f2-0000-7000-8000-000000000000' } as const;
      expect(await assets.setRelation({ from: unknown, type: 'Contains', to: device }, 'to')).toBe('unknown');
      expect(await assets.relationsTo(device, 'Contains')).toEqual([wanted]);
      expect(await assets.removeRelations(device, 'to', 'Contains')).toBe(1);
      expect(await assets.removeRelations(device, 'to', 'Contains')).toBe(0);
    });

    it('more relations than one step may remove are refused, and stay', async () => {
      const { assets } = bench.storage;
      const hub = await addAsset(bench.storage, 'hub');
      const ends: Awaited<ReturnType<typeof addAsset>>[] = [];
      // In portions: all at once may wait longer on a busy machine than a store lets a write wait.
      for (const length of [...Array.from({ length: 20 }, () => 500), 1]) {
        const some = await Promise.all(
          Array.from({ length }, (_, i) => addAsset(bench.storage, `end-${ends.length + i}`)),
        );
        await Promise.all(some.map((to) => assets.addRelation({ from: hub, type: 'Contains', to })));
        ends.push(...some);
      }
      const refused = expect.objectContaining({ code: 'BAD_REQUEST' });
      await expect(assets.removeRelations(hub, 'from', 'Contains')).rejects.toEqual(refused);
      const last = await addAsset(bench.storage, 'last');
      await expect(assets.setRelation({ from: hub, type: 'Contains', to: last }, 'from')).rejects.toEqual(refused);
      expect(await assets.relationsTo(last)).toEqual([]);
      expect(await assets.relationsFrom(hub, 'Contains', 20_000)).toHaveLength(10_001);
      const [first] = ends;
      if (first) await assets.removeRelation({ from: hub, type: 'Contains', to: first });
      expect(await assets.removeRelations(hub, 'from', 'Contains')).toBe(10_000);
    });

    it('a customer of one title is made once, also by many at once, and takes what another had', async () => {
      const { storage } = bench;
      const made = await Promise.all(
        Array.from({ length: 20 }, () =>
          storage.customers.ensureCustomer({ id: newCustomerId(1), title: 'ACME', createdAt: 1 }),
        ),
      );
      expect(made.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(made.map(({ customer }) => customer.id)).size).toBe(1);
      const [first] = made;
      if (!first) throw new Error('nothing made');
      expect(await storage.customers.customerByTitle('ACME')).toEqual(first.customer);
      expect(await storage.customers.customerByTitle('acme')).toBeUndefined();
      const other = await addCustomer(storage, 'Other');
      for (const id of [await register(storage), (await addAsset(storage, 'B3')).id]) {
        expect(await storage.customers.give(id, other)).toBe('given');
        expect(await storage.customers.give(id, first.customer.id)).toBe('given');
        expect(await storage.customers.give(id, first.customer.id)).toBe('unchanged');
        expect(await storage.customers.customerOf(id)).toBe(first.customer.id);
        expect(await storage.customers.unassign(id)).toBe(true);
        expect(await storage.customers.unassign(id)).toBe(false);
      }
      expect(await storage.customers.give(TENANT.id, other)).toBe('unknown');
      expect(await storage.customers.give(await register(storage), newCustomerId(2))).toBe('unknown');
    });
  });
}
