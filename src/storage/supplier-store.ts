import type { Asset, Page, PageQuery } from '../model/entity.ts';
import type { AssetId } from '../model/ids.ts';

/** One of a supplier's secret keys, as a keyed hash. Times in milliseconds since 1970. */
export interface SupplierKey {
  /** Short public id, e.g. in audit lines; unique per supplier. */
  readonly kid: string;
  readonly hash: string;
  /** When it was made, by the clock of the broker that made it: for people, not for a look-up. */
  readonly notBefore: number;
  readonly notAfter?: number;
}

export interface Supplier {
  /** Asset of type `PowerSupplier`. */
  readonly asset: Asset;
  readonly keys: readonly SupplierKey[];
}

/** Power suppliers and the index from key hash to supplier. Promises of writes settle after the write is durable. */
export interface SupplierStore {
  /** Atomic: asset of type `PowerSupplier` and its first key. */
  createSupplier(supplier: Supplier): Promise<'created' | 'name-taken' | 'key-taken'>;
  supplier(id: AssetId): Promise<Supplier | undefined>;
  supplierByName(name: string): Promise<Supplier | undefined>;
  /** O(1) look-up by key hash, whatever the key's dates. */
  supplierByKey(hash: string): Promise<{ readonly supplier: Supplier; readonly key: SupplierKey } | undefined>;
  /** Ordered by name. */
  suppliers(query: PageQuery): Promise<Page<Supplier>>;
  /** Replaces the set of keys atomically; hashes that are no longer listed stop working in the same step. */
  setKeys(id: AssetId, keys: readonly SupplierKey[]): Promise<'set' | 'unknown-supplier' | 'key-taken'>;
  /** Removes keys and asset; refused while devices are attached. */
  deleteSupplier(id: AssetId): Promise<'deleted' | 'unknown-supplier' | 'in-use'>;
}
