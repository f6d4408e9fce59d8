import type { Asset } from '../../model/entity.ts';
import type { Supplier, SupplierKey } from '../supplier-store.ts';
import type { Tables } from './environment.ts';
import { textKey } from './keys.ts';
import { getJson, putJson } from './records.ts';

export const SUPPLIER_TYPE = 'PowerSupplier';

export function supplierAt(tables: Tables, id: Buffer | undefined): Supplier | undefined {
  const asset = id && getJson<Asset>(tables.assets, id);
  if (id === undefined || asset?.type !== SUPPLIER_TYPE) return undefined;
  return { asset, keys: keysOf(tables, id) };
}

const keysOf = ({ suppliers }: Tables, id: Buffer): readonly SupplierKey[] =>
  getJson<readonly SupplierKey[]>(suppliers, id) ?? [];

/** Whether one of the hashes belongs to another supplier, or stands twice in the list. */
export function keyTaken({ supplierKeys }: Tables, id: Buffer, keys: readonly SupplierKey[]): boolean {
  if (new Set(keys.map((key) => key.hash)).size < keys.length) return true;
  return keys.some((key) => supplierKeys.get(textKey(key.hash))?.equals(id) === false);
}

/** Replaces the keys and their index. */
export function putKeys(tables: Tables, id: Buffer, keys: readonly SupplierKey[]): void {
  for (const former of keysOf(tables, id)) tables.supplierKeys.remove(textKey(former.hash));
  for (const key of keys) tables.supplierKeys.put(textKey(key.hash), id);
  putJson(tables.suppliers, id, keys);
}

export function supplierByKey(
  tables: Tables,
  hash: string,
): { readonly supplier: Supplier; readonly key: SupplierKey } | undefined {
  const supplier = supplierAt(tables, tables.supplierKeys.get(textKey(hash)));
  const key = supplier?.keys.find((candidate) => candidate.hash === hash);
  return supplier && key && { supplier, key };
}
