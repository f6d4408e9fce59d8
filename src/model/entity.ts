import type { AssetId } from './ids.ts';

export const ENTITY_TYPES = ['DEVICE', 'ASSET', 'CUSTOMER', 'TENANT'] as const;
export type EntityType = (typeof ENTITY_TYPES)[number];

export interface EntityId {
  readonly entityType: EntityType;
  readonly id: string;
}

/** There is one tenant: what belongs to nobody in particular, such as tables for all chains, is kept with it. */
export const TENANT = { entityType: 'TENANT', id: '67726964-6d6f-8f72-8000-000000000001' } as const satisfies EntityId;

/** A typed thing that is not a device: `PowerSupplier`, `Grid`, `SupplyPoint`, or any type of the operator's own. */
export interface Asset {
  readonly id: AssetId;
  readonly type: string;
  /** Unique among assets of one type. */
  readonly name: string;
  readonly createdAt: number;
}

/** A directed, typed link. The main job's: `Supplies` supplier→device, `Feeds` grid→device, `Measures` device→supply point. */
export interface Relation {
  readonly from: EntityId;
  readonly type: string;
  readonly to: EntityId;
}

/** One page of a list. `totalElements` counts all that match. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly totalElements: number;
  readonly hasNext: boolean;
}

export interface PageQuery {
  readonly page: number;
  readonly pageSize: number;
}
