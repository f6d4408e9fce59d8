import type { Asset } from '../../model/entity.ts';
import type { AssetStore } from '../asset-store.ts';
import { dropAsset, ensureAsset, namePrefix, typePrefix } from './assets.ts';
import type { Commits } from './commit.ts';
import { forgetCustomer } from './customer-store.ts';
import type { Entities } from './entities.ts';
import { isId, KEYS } from './keys.ts';
import { idByName, pageOfNames, recordOf, recordsOf } from './names.ts';
import type { Purge } from './purge.ts';
import type { Queue } from './queue.ts';
import {
  addRelation,
  dropRelationsOf,
  listRelations,
  removeRelation,
  removeRelations,
  setRelation,
  thinRelationsOf,
} from './relations.ts';

interface Parts {
  readonly entities: Entities;
  readonly purge: Purge;
}

export function createAssetStore(queue: Queue, commits: Commits, { entities, purge }: Parts): AssetStore {
  const byName = (type: string, name: string) => idByName(queue, KEYS.assetNames, namePrefix(type, name));
  return {
    ensureAsset: (asset) =>
      entities.alone(asset.id, () =>
        commits.run(asset.id, async (draft) => {
          const entity = { entityType: 'ASSET', id: asset.id } as const;
          const [noted, result] = await Promise.all([purge.isNoted(draft, entity), ensureAsset(draft, asset)]);
          // The note that is gone then makes the step begin anew.
          if (noted && result.created) await purge.finish(entity);
          return result;
        }),
      ),
    asset: async (id) => recordOf<Asset>(queue, KEYS.assets, id),
    async assetByName(type, name) {
      const id = await byName(type, name);
      return id === undefined ? undefined : recordOf<Asset>(queue, KEYS.assets, id);
    },
    async assetsByName(name) {
      const types = ((await queue.send('hkeys', [KEYS.assetTypes])) as readonly string[]).toSorted(byBytes);
      const ids = await Promise.all(types.map((type) => byName(type, name)));
      return recordsOf<Asset>(
        queue,
        KEYS.assets,
        ids.filter((id) => id !== undefined),
      );
    },
    assets: ({ type, ...query }) => {
      const prefix = type === undefined ? '' : typePrefix(type);
      return pageOfNames<Asset>(queue, { index: KEYS.assetNames, prefix, records: KEYS.assets }, query);
    },
    async removeAsset(id) {
      if (!isId(id)) return false;
      const entity = { entityType: 'ASSET', id } as const;
      const remove = async (): Promise<boolean> => {
        if ((await recordOf<Asset>(queue, KEYS.assets, id)) !== undefined) await thinRelationsOf(commits, entity);
        const removed = await commits.step(id, async (draft) => {
          const asset = await draft.record<Asset>(KEYS.assets, id);
          if (asset === undefined) return false;
          await dropRelationsOf(draft, entity);
          forgetCustomer(draft, id);
          dropAsset(draft, asset);
          purge.note(draft, entity);
          return true;
        });
        if (removed) await purge.run(entity);
        return removed;
      };
      return queue.write(512, () => entities.alone(id, remove));
    },
    addRelation: (relation) => commits.run(relation.from.id, (draft) => addRelation(draft, relation)),
    setRelation: (relation, sole) => commits.run(relation.from.id, (draft) => setRelation(draft, relation, sole)),
    removeRelation: (relation) => commits.run(relation.from.id, (draft) => removeRelation(draft, relation)),
    removeRelations: (end, side, type) => commits.run(end.id, (draft) => removeRelations(draft, end, side, type)),
    relationsFrom: (from, type, limit) => listRelations(queue, from, 'from', { type, limit }),
    relationsTo: (to, type, limit) => listRelations(queue, to, 'to', { type, limit }),
  };
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
