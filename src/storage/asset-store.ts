import type { Asset, EntityId, Page, PageQuery, Relation } from '../model/entity.ts';
import type { AssetId } from '../model/ids.ts';

/** Assets and relations. Promises of writes settle after the write is durable. */
export interface AssetStore {
  /** Creates the asset, or gives the existing one of that type and name (`created` false). Atomic. */
  ensureAsset(asset: Asset): Promise<{ readonly asset: Asset; readonly created: boolean }>;
  asset(id: AssetId): Promise<Asset | undefined>;
  assetByName(type: string, name: string): Promise<Asset | undefined>;
  /** The assets of this name, at most one of each type, ordered by type. */
  assetsByName(name: string): Promise<readonly Asset[]>;
  /** Ordered by the UTF-8 bytes of the name; `type` undefined = all types, ordered by type then name. */
  assets(query: PageQuery & { readonly type?: string }): Promise<Page<Asset>>;
  /** Removes the asset with all its relations, attributes and telemetry in one step; false when unknown. */
  removeAsset(id: AssetId): Promise<boolean>;
  /** Adds the relation; false when it existed, or when one of its ends does not exist: nothing is stored then. */
  addRelation(relation: Relation): Promise<boolean>;
  /**
   * One atomic step: afterwards the relation stands, and with `sole` no other of its type leads from its `from`, or to its
   * `to`. `unknown`: one of its ends does not exist, and nothing changes.
   */
  setRelation(relation: Relation, sole?: 'from' | 'to'): Promise<'added' | 'present' | 'unknown'>;
  /** False when it did not exist. */
  removeRelation(relation: Relation): Promise<boolean>;
  /**
   * Removes all relations of the type that lead from the entity, or to it, in one step; gives how many there were. More than
   * 10,000 are refused with BAD_REQUEST, here and by `setRelation`.
   */
  removeRelations(end: EntityId, side: 'from' | 'to', type: string): Promise<number>;
  /** Ordered by type, then peer id; the first `limit` of them. */
  relationsFrom(from: EntityId, type?: string, limit?: number): Promise<readonly Relation[]>;
  relationsTo(to: EntityId, type?: string, limit?: number): Promise<readonly Relation[]>;
}
