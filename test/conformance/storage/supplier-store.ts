import { describe, expect, it } from 'vitest';
import type { AssetId } from '../../../src/model/ids.ts';
import type { SupplierKey } from '../../../src/storage/supplier-store.ts';
import { anAsset, aSupplier, benchFor, type MakeStore, register } from './harness.ts';

const key = (kid: string, hash: string): SupplierKey => ({ kid, hash, notBefore: 1, notAfter: 2 });

export function supplierConformance(name: string, make: MakeStore): void {
  describe(`${name}: suppliers`, () => {
    const bench = benchFor(make);
    const suppliers = () => bench.storage.suppliers;

    it('a supplier is found by id, by name and by each of its keys, whatever their dates', async () => {
      const asset = anAsset('PowerSupplier', 'Luz');
      const keys = [key('k1', 'h1'), key('k2', 'h2')];
      expect(await suppliers().createSupplier({ asset, keys })).toBe('created');
      expect(await suppliers().supplier(asset.id)).toEqual({ asset, keys });
      expect(await suppliers().supplierByName('Luz')).toEqual({ asset, keys });
      expect(await suppliers().supplierByKey('h2')).toEqual({ supplier: { asset, keys }, key: keys[1] });
      expect(await bench.storage.assets.assetByName('PowerSupplier', 'Luz')).toEqual(asset);
      expect(await suppliers().supplierByKey('h3')).toBeUndefined();
      expect(await suppliers().supplierByName('none')).toBeUndefined();
      expect(await suppliers().supplier('0193b5f2-0000-7000-8000-000000000000' as AssetId)).toBeUndefined();
    });

    it('a taken name or key refuses as a whole; of many with one key, one is created', async () => {
      await suppliers().createSupplier({ asset: anAsset('PowerSupplier', 'A'), keys: [key('k', 'h1')] });
      expect(await suppliers().createSupplier({ asset: anAsset('PowerSupplier', 'A'), keys: [key('k', 'h2')] })).toBe(
        'name-taken',
      );
      expect(
        await suppliers().createSupplier({
          asset: anAsset('PowerSupplier', 'B'),
          keys: [key('x', 'h3'), key('k', 'h1')],
        }),
      ).toBe('key-taken');
      expect(await suppliers().supplierByName('B')).toBeUndefined();
      expect(await suppliers().supplierByKey('h2')).toBeUndefined();
      expect(await suppliers().supplierByKey('h3')).toBeUndefined();
      const many = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          suppliers().createSupplier({ asset: anAsset('PowerSupplier', `S${i}`), keys: [key('k', 'one')] }),
        ),
      );
      expect(many.filter((answer) => answer === 'created')).toHaveLength(1);
    });

    it('setKeys replaces the set in one step: dropped keys stop, new ones work, foreign ones are refused', async () => {
      const [one, two] = [await aSupplier(bench.storage, 'one'), await aSupplier(bench.storage, 'two')];
      expect(await suppliers().setKeys(one.id, [key('k2', 'n1'), key('k3', 'n2')])).toBe('set');
      expect(await suppliers().supplierByKey('key-of-one')).toBeUndefined();
      expect((await suppliers().supplierByKey('n2'))?.key.kid).toBe('k3');
      expect(await suppliers().setKeys(one.id, [key('k4', 'n1'), key('k5', 'key-of-two')])).toBe('key-taken');
      expect((await suppliers().supplier(one.id))?.keys.map(({ kid }) => kid)).toEqual(['k2', 'k3']);
      expect((await suppliers().supplierByKey('key-of-two'))?.supplier.asset.id).toBe(two.id);
      expect(await suppliers().setKeys(anAsset('x', 'x').id, [])).toBe('unknown-supplier');
    });

    it('lists by name in pages', async () => {
      for (const name of ['c', 'a', 'b']) await aSupplier(bench.storage, name);
      await bench.storage.assets.ensureAsset(anAsset('Grid', 'aa'));
      const page = await suppliers().suppliers({ page: 0, pageSize: 2 });
      expect(page.data.map(({ asset }) => asset.name)).toEqual(['a', 'b']);
      expect([page.totalElements, page.hasNext]).toEqual([3, true]);
      expect((await suppliers().suppliers({ page: 1, pageSize: 2 })).data.map(({ asset }) => asset.name)).toEqual([
        'c',
      ]);
    });

    it('is not deleted while a device is attached, and then goes with its keys, asset and relations', async () => {
      const { storage } = bench;
      const supplier = await aSupplier(storage, 'busy');
      const deviceId = await register(storage);
      await storage.attachments.attach({
        deviceId,
        supplierId: supplier.id,
        supplyPoint: { scheme: 'cups', stem: 'ES9999' },
        supplyPointHash: 'h',
        grid: { code: '9999', name: 'G' },
        onConflict: 'reject',
        now: 1,
        by: 'test',
      });
      expect(await suppliers().deleteSupplier(supplier.id)).toBe('in-use');
      await storage.attachments.end(deviceId, 2, 'test');
      const other = { entityType: 'DEVICE', id: deviceId } as const;
      await storage.assets.addRelation({ from: { entityType: 'ASSET', id: supplier.id }, type: 'Knows', to: other });
      expect(await suppliers().deleteSupplier(supplier.id)).toBe('deleted');
      expect(await suppliers().deleteSupplier(supplier.id)).toBe('unknown-supplier');
      expect(await suppliers().supplierByKey('key-of-busy')).toBeUndefined();
      expect(await storage.assets.asset(supplier.id)).toBeUndefined();
      expect(await storage.assets.relationsTo(other)).toEqual([]);
      expect(
        await suppliers().createSupplier({ asset: anAsset('PowerSupplier', 'busy'), keys: [key('k', 'key-of-busy')] }),
      ).toBe('created');
    });
  });
}
