import { describe, expect, it } from 'vitest';
import type { EntityId } from '../../../src/model/entity.ts';
import type { AssetId } from '../../../src/model/ids.ts';
import { anAsset, benchFor, type MakeStore, register } from './harness.ts';

export function assetConformance(name: string, make: MakeStore): void {
  describe(`${name}: assets and relations`, () => {
    const bench = benchFor(make);
    const assets = () => bench.storage.assets;
    const ensured = async (type: string, name: string): Promise<EntityId> => {
      const { asset } = await assets().ensureAsset(anAsset(type, name));
      return { entityType: 'ASSET', id: asset.id };
    };

    it('of many that ensure one type and name, one creates it and all get it', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => assets().ensureAsset(anAsset('Grid', '0021'))),
      );
      expect(answers.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(answers.map(({ asset }) => asset.id)).size).toBe(1);
      const stored = await assets().assetByName('Grid', '0021');
      expect(stored).toEqual(answers[0]?.asset);
      expect(await assets().asset(stored?.id as AssetId)).toEqual(stored);
    });

    it('the same name in another type is another asset; what is missing is undefined', async () => {
      await ensured('A', 'x');
      await ensured('B', 'x');
      expect((await assets().assets({ page: 0, pageSize: 5 })).totalElements).toBe(2);
      expect(await assets().assetByName('C', 'x')).toBeUndefined();
      expect(await assets().asset('0193b5f2-0000-7000-8000-000000000000' as AssetId)).toBeUndefined();
      expect(await assets().asset('nothing' as AssetId)).toBeUndefined();
    });

    it('finds the assets of a name in every type, and none of a name that begins like it', async () => {
      expect(await assets().assetsByName('x')).toEqual([]);
      for (const type of ['B', 'A', 'AB', 'Z']) await ensured(type, type === 'Z' ? 'xy' : 'x');
      await ensured('A', 'w');
      await ensured('A', 'y');
      const found = await assets().assetsByName('x');
      expect(found.map(({ type, name }) => type + name)).toEqual(['Ax', 'ABx', 'Bx']);
      expect(await assets().assetsByName('')).toEqual([]);
    });

    it('lists by type, then name, in pages', async () => {
      for (const [type, name] of [
        ['B', '1'],
        ['A', '2'],
        ['A', '1'],
        ['AB', '0'],
      ] as const)
        await ensured(type, name);
      const list = async (query: Parameters<ReturnType<typeof assets>['assets']>[0]) => {
        const page = await assets().assets(query);
        return [page.data.map((asset) => asset.type + asset.name), page.totalElements, page.hasNext];
      };
      expect(await list({ page: 0, pageSize: 3 })).toEqual([['A1', 'A2', 'AB0'], 4, true]);
      expect(await list({ page: 1, pageSize: 3 })).toEqual([['B1'], 4, false]);
      expect(await list({ page: 0, pageSize: 3, type: 'A' })).toEqual([['A1', 'A2'], 2, false]);
      expect(await list({ page: 0, pageSize: 3, type: 'none' })).toEqual([[], 0, false]);
    });

    it('a relation is seen from both ends, ordered by type and peer, and is added once', async () => {
      const device: EntityId = { entityType: 'DEVICE', id: await register(bench.storage) };
      const [one, two] = [await ensured('T', '1'), await ensured('T', '2')];
      const relations = [
        { from: one, type: 'A', to: device },
        { from: two, type: 'A', to: device },
        { from: one, type: 'B', to: device },
      ];
      for (const relation of relations.toReversed()) expect(await assets().addRelation(relation)).toBe(true);
      for (const relation of relations) expect(await assets().addRelation(relation)).toBe(false);
      expect(await assets().relationsTo(device)).toEqual(relations);
      expect(await assets().relationsTo(device, 'A')).toEqual(relations.slice(0, 2));
      expect(await assets().relationsFrom(one)).toEqual([relations[0], relations[2]]);
      expect(await assets().relationsFrom(one, 'B')).toEqual([relations[2]]);
      expect(await assets().relationsFrom(device)).toEqual([]);
    });

    it('a removed relation is gone from both ends; a type that is a prefix of another is another type', async () => {
      const device: EntityId = { entityType: 'DEVICE', id: await register(bench.storage) };
      const asset = await ensured('T', '1');
      await assets().addRelation({ from: asset, type: 'Feed', to: device });
      await assets().addRelation({ from: asset, type: 'Feeds', to: device });
      expect(await assets().relationsTo(device, 'Feed')).toHaveLength(1);
      expect(await assets().removeRelation({ from: asset, type: 'Feed', to: device })).toBe(true);
      expect(await assets().removeRelation({ from: asset, type: 'Feed', to: device })).toBe(false);
      expect((await assets().relationsTo(device)).map(({ type }) => type)).toEqual(['Feeds']);
      expect((await assets().relationsFrom(asset)).map(({ type }) => type)).toEqual(['Feeds']);
    });

    it('a removed asset is gone with its relations, and its name is free', async () => {
      const device: EntityId = { entityType: 'DEVICE', id: await register(bench.storage) };
      const [asset, other] = [await ensured('T', '1'), await ensured('T', '2')];
      for (const from of [asset, other]) await assets().addRelation({ from, type: 'Feeds', to: device });
      await assets().addRelation({ from: device, type: 'Contains', to: asset });
      expect(await assets().removeAsset(asset.id as AssetId)).toBe(true);
      expect(await assets().removeAsset(asset.id as AssetId)).toBe(false);
      expect(await assets().assetByName('T', '1')).toBeUndefined();
      expect((await assets().assets({ page: 0, pageSize: 9 })).totalElements).toBe(1);
      expect(await assets().relationsTo(device)).toEqual([{ from: other, type: 'Feeds', to: device }]);
      expect(await assets().relationsFrom(device)).toEqual([]);
      expect((await assets().ensureAsset(anAsset('T', '1'))).created).toBe(true);
    });

    it('a relation to something that does not exist is not stored', async () => {
      const asset = await ensured('T', '1');
      for (const id of ['0193b5f2-0000-7000-8000-000000000000', 'no-uuid']) {
        expect(await assets().addRelation({ from: asset, type: 'Feeds', to: { entityType: 'DEVICE', id } })).toBe(
          false,
        );
      }
      expect(await assets().relationsFrom(asset)).toEqual([]);
    });
  });
}
