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
  /** Removes the asset with all its relations in one step; false when unknown. */
  removeAsset(id: AssetId): Promise<boolean>;
  /** Adds the relation; false when it existed, or when one of its ends does not exist: nothing is stored then. */
  addRelation(relation: Relation): Promise<boolean>;
  /** False when it did not exist. */
  removeRelation(relation: Relation): Promise<boolean>;
  /** Ordered by type, then peer id. */
  relationsFrom(from: EntityId, type?: string): Promise<readonly Relation[]>;
  relationsTo(to: EntityId, type?: string): Promise<readonly Relation[]>;
}
