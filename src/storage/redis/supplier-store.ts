import type { Asset, Page } from '../../model/entity.ts';
import type { AssetId } from '../../model/ids.ts';
import type { Supplier, SupplierKey, SupplierStore } from '../supplier-store.ts';
import { assetByName, dropAsset, ensureAsset, namePrefix, typePrefix } from './assets.ts';
import type { Commits, Draft } from './commit.ts';
import { isId, KEYS, newId, suppliedKey } from './keys.ts';
import { idByName, pageOfNames, recordOf } from './names.ts';
import type { Purge } from './purge.ts';
import type { Queue } from './queue.ts';
import { jsonOf } from './records.ts';
import { dropRelationsOf, thinRelationsOf } from './relations.ts';

export const SUPPLIER_TYPE = 'PowerSupplier';

export function createSupplierStore(queue: Queue, commits: Commits, purge: Purge): SupplierStore {
  async function withKeys(assets: readonly Asset[]): Promise<readonly Supplier[]> {
    if (assets.length === 0) return [];
    const words = [KEYS.suppliers, ...assets.map(({ id }) => id)];
    const texts = (await queue.send('hmget', words)) as readonly (string | null)[];
    return assets.map((asset, at) => ({ asset, keys: keysOf(texts[at] ?? undefined) }));
  }

  async function supplierAt(id: string | undefined): Promise<Supplier | undefined> {
    const asset = id === undefined ? undefined : await recordOf<Asset>(queue, KEYS.assets, id);
    return asset?.type === SUPPLIER_TYPE ? (await withKeys([asset]))[0] : undefined;
  }

  return {
    createSupplier: ({ asset, keys }) =>
      commits.run(asset.id, async (draft) => {
        const named = { ...asset, type: SUPPLIER_TYPE };
        if ((await assetByName(draft, SUPPLIER_TYPE, named.name)) !== undefined) return 'name-taken';
        if (await keyTaken(draft, newId(named.id), keys)) return 'key-taken';
        await ensureAsset(draft, named);
        writeKeys(draft, named.id, [], keys);
        return 'created';
      }),
    supplier: (id) => supplierAt(id),
    supplierByName: async (name) => supplierAt(await idByName(queue, KEYS.assetNames, namePrefix(SUPPLIER_TYPE, name))),
    async supplierByKey(hash) {
      const id = (await queue.send('hget', [KEYS.supplierKeys, hash])) as string | null;
      const supplier = await supplierAt(id ?? undefined);
      const key = supplier?.keys.find((candidate) => candidate.hash === hash);
      return supplier && key && { supplier, key };
    },
    async suppliers(query): Promise<Page<Supplier>> {
      const prefix = typePrefix(SUPPLIER_TYPE);
      const page = await pageOfNames<Asset>(queue, { index: KEYS.assetNames, prefix, records: KEYS.assets }, query);
      return { ...page, data: await withKeys(page.data) };
    },
    setKeys: (id, keys) =>
      commits.run(id, async (draft) => {
        const supplier = await supplierIn(draft, id);
        if (supplier === undefined) return 'unknown-supplier';
        if (await keyTaken(draft, id, keys)) return 'key-taken';
        writeKeys(draft, id, supplier.keys, keys);
        return 'set';
      }),
    deleteSupplier: (id) =>
      queue.write(512, async () => {
        const entity = { entityType: 'ASSET', id } as const;
        if ((await supplierAt(id)) !== undefined) await thinRelationsOf(commits, entity);
        const result = await commits.step(id, (draft) => deleteIn(draft, id, purge));
        if (result === 'deleted') await purge.run(entity);
        return result;
      }),
  };
}

const keysOf = (text: string | undefined): readonly SupplierKey[] =>
  text === undefined ? [] : jsonOf<readonly SupplierKey[]>(text);

async function supplierIn(draft: Draft, id: string): Promise<Supplier | undefined> {
  if (!isId(id)) return undefined;
  const [asset, text] = await Promise.all([draft.record<Asset>(KEYS.assets, id), draft.field(KEYS.suppliers, id)]);
  return asset?.type === SUPPLIER_TYPE ? { asset, keys: keysOf(text) } : undefined;
}

/** Whether one of the hashes belongs to another supplier, or stands twice in the list. */
async function keyTaken(draft: Draft, id: string, keys: readonly SupplierKey[]): Promise<boolean> {
  if (new Set(keys.map((key) => key.hash)).size < keys.length) return true;
  const holders = await Promise.all(keys.map((key) => draft.field(KEYS.supplierKeys, key.hash)));
  return holders.some((holder) => holder !== undefined && holder !== id);
}

/** Replaces the keys and their index. */
export function writeKeys(
  draft: Draft,
  id: string,
  former: readonly SupplierKey[],
  keys: readonly SupplierKey[],
): void {
  for (const { hash } of former) draft.write('hdel', KEYS.supplierKeys, hash);
  for (const { hash } of keys) draft.write('hset', KEYS.supplierKeys, hash, id);
  draft.write('hset', KEYS.suppliers, id, JSON.stringify(keys));
}

async function deleteIn(draft: Draft, id: AssetId, purge: Purge): Promise<'deleted' | 'unknown-supplier' | 'in-use'> {
  const supplier = await supplierIn(draft, id);
  if (supplier === undefined) return 'unknown-supplier';
  if ((await draft.members(suppliedKey(id), '', 1)).length > 0) return 'in-use';
  const entity = { entityType: 'ASSET', id } as const;
  await dropRelationsOf(draft, entity);
  writeKeys(draft, id, supplier.keys, []);
  draft.write('hdel', KEYS.suppliers, id);
  dropAsset(draft, supplier.asset);
  purge.note(draft, entity);
  return 'deleted';
}
