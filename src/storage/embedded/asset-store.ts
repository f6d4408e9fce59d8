import type { Asset } from '../../model/entity.ts';
import type { AssetStore } from '../asset-store.ts';
import { ALL_ASSETS, assetByName, assetsByName, dropAsset, ensureAsset, ofType, typePrefix } from './assets.ts';
import { attributesOf } from './attributes.ts';
import type { Committer } from './committer.ts';
import { forgetCustomer } from './customer-store.ts';
import type { Environment } from './environment.ts';
import { idKey, prefixEnd } from './keys.ts';
import type { Purge } from './purge.ts';
import { getJson, pageOf, readCounter, removeRange } from './records.ts';
import { dropRelation, dropRelationsOf, listRelations, putRelation, removable, setRelation } from './relations.ts';

export function createAssetStore({ tables }: Environment, committer: Committer, purge: Purge): AssetStore {
  const everything = { from: Buffer.from([0]), to: Buffer.from([0xff]) };
  return {
    ensureAsset: (asset) => committer.run(() => ensureAsset(tables, asset)),
    async asset(id) {
      const key = idKey(id);
      return key && getJson<Asset>(tables.assets, key);
    },
    assetByName: async (type, name) => assetByName(tables, type, name),
    assetsByName: async (name) => assetsByName(tables, name),
    async assets({ type, page, pageSize }) {
      const prefix = type === undefined ? undefined : typePrefix(type);
      const span = prefix === undefined ? everything : { from: prefix, to: prefixEnd(prefix) };
      const total = readCounter(tables.counters, type === undefined ? ALL_ASSETS : ofType(type));
      const toItem = (_: Buffer, id: Buffer): Asset | undefined => getJson<Asset>(tables.assets, id);
      return pageOf(tables.assetNames, span, { page, pageSize, total, toItem });
    },
    async removeAsset(id) {
      const key = idKey(id);
      if (key === undefined) return false;
      const removed = await committer.run(
        () => {
          const asset = getJson<Asset>(tables.assets, key);
          if (asset === undefined) return false;
          dropRelationsOf(tables, { entityType: 'ASSET', id });
          removeRange(tables.attributes, attributesOf(key));
          forgetCustomer(tables, key);
          purge.dropHistory(key);
          tables.heads.remove(key);
          dropAsset(tables, asset);
          return true;
        },
        { ordered: true },
      );
      purge.wake();
      return removed;
    },
    addRelation: (relation) => committer.run(() => putRelation(tables, relation)),
    setRelation: (relation, sole) => committer.run(() => setRelation(tables, relation, sole)),
    removeRelation: (relation) => committer.run(() => dropRelation(tables, relation)),
    removeRelations: (end, side, type) =>
      committer.run(() => {
        const relations = removable(tables, end, side, type);
        for (const relation of relations) dropRelation(tables, relation);
        return relations.length;
      }),
    relationsFrom: async (from, type, limit) => listRelations(tables, from, 'from', { type, limit }),
    relationsTo: async (to, type, limit) => listRelations(tables, to, 'to', { type, limit }),
  };
}
