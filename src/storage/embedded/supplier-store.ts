import type { AssetId } from '../../model/ids.ts';
import type { Supplier, SupplierStore } from '../supplier-store.ts';
import { assetByName, assetNameKey, dropAsset, ensureAsset, ofType, typePrefix } from './assets.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { idKey, newIdKey, prefixEnd } from './keys.ts';
import { pageOf, readCounter } from './records.ts';
import { dropRelationsOf } from './relations.ts';
import { keyTaken, putKeys, SUPPLIER_TYPE, supplierAt, supplierByKey } from './supplier-records.ts';

export function createSupplierStore({ tables }: Environment, committer: Committer): SupplierStore {
  return {
    createSupplier: (supplier) => committer.run(() => create(tables, supplier)),
    supplier: async (id) => supplierAt(tables, idKey(id)),
    supplierByName: async (name) => supplierAt(tables, tables.assetNames.get(assetNameKey(SUPPLIER_TYPE, name))),
    supplierByKey: async (hash) => supplierByKey(tables, hash),
    async suppliers({ page, pageSize }) {
      const prefix = typePrefix(SUPPLIER_TYPE);
      const total = readCounter(tables.counters, ofType(SUPPLIER_TYPE));
      const toItem = (_: Buffer, id: Buffer): Supplier | undefined => supplierAt(tables, id);
      return pageOf(tables.assetNames, { from: prefix, to: prefixEnd(prefix) }, { page, pageSize, total, toItem });
    },
    setKeys: (id, keys) =>
      committer.run(() => {
        const key = idKey(id);
        if (key === undefined || supplierAt(tables, key) === undefined) return 'unknown-supplier';
        if (keyTaken(tables, key, keys)) return 'key-taken';
        putKeys(tables, key, keys);
        return 'set';
      }),
    deleteSupplier: (id) => committer.run(() => remove(tables, id)),
  };
}

function create(tables: Tables, { asset, keys }: Supplier): 'created' | 'name-taken' | 'key-taken' {
  const named = { ...asset, type: SUPPLIER_TYPE };
  if (assetByName(tables, named.type, named.name) !== undefined) return 'name-taken';
  const id = newIdKey(named.id);
  if (keyTaken(tables, id, keys)) return 'key-taken';
  ensureAsset(tables, named);
  putKeys(tables, id, keys);
  return 'created';
}

function remove(tables: Tables, id: AssetId): 'deleted' | 'unknown-supplier' | 'in-use' {
  const key = idKey(id);
  const supplier = supplierAt(tables, key);
  if (key === undefined || supplier === undefined) return 'unknown-supplier';
  if (tables.attachmentsBySupplier.count({ from: key, to: prefixEnd(key), limit: 1 }) > 0) return 'in-use';
  putKeys(tables, key, []);
  tables.suppliers.remove(key);
  dropRelationsOf(tables, { entityType: 'ASSET', id });
  dropAsset(tables, supplier.asset);
  return 'deleted';
}
