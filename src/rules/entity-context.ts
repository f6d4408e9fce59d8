import type { EntityId, Relation } from '../model/entity.ts';
import type { JsonObject } from '../model/json.ts';
import type { DeviceOriginator, Msg, Originator } from '../model/msg.ts';
import type { AttributeScope, TimedValue } from '../model/telemetry.ts';

/** `FROM`: relations that lead away from the entity; `TO`: those that lead to it. ThingsBoard's words. */
export const DIRECTIONS = ['FROM', 'TO'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What happens to the connection of a device, as chains may say it themselves. */
export const DEVICE_STATE_EVENTS = ['CONNECT_EVENT', 'DISCONNECT_EVENT', 'ACTIVITY_EVENT', 'INACTIVITY_EVENT'] as const;
export type DeviceStateEvent = (typeof DEVICE_STATE_EVENTS)[number];

/** What nodes may create by name. */
export const CREATABLE_TYPES = ['DEVICE', 'ASSET', 'CUSTOMER'] as const;
export type CreatableType = (typeof CREATABLE_TYPES)[number];

export const HISTORY_AGGREGATIONS = ['NONE', 'MIN', 'MAX', 'AVG', 'SUM', 'COUNT'] as const;

export interface HistoryQuery {
  readonly keys: readonly string[];
  /** Inclusive, ms. */
  readonly startTs: number;
  /** Exclusive, ms. */
  readonly endTs: number;
  /** Points per key at most. */
  readonly limit: number;
  readonly order: 'ASC' | 'DESC';
  /** `NONE`: the points as they are; else one point for the whole range. */
  readonly aggregation: (typeof HISTORY_AGGREGATIONS)[number];
}

/**
 * Entities, what belongs to them, and how they hang together. Reads see every write that a message before made, and those of
 * this message; each reads no more than it is told to. Every promise of a write settles after it is durable.
 */
export interface EntityContext {
  /** The named keys; absent ones are left out. */
  readAttributes(
    of: EntityId,
    scope: AttributeScope,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, TimedValue>>;
  readLatest(of: EntityId, keys: readonly string[]): Promise<ReadonlyMap<string, TimedValue>>;
  /** Keys without points are left out. */
  readHistory(of: EntityId, query: HistoryQuery): Promise<ReadonlyMap<string, readonly TimedValue[]>>;
  /** What ThingsBoard calls fields, such as `name`, `type`, `createdTime`; undefined when the entity is gone. */
  readFields(of: EntityId): Promise<JsonObject | undefined>;
  entity(id: EntityId): Promise<Originator | undefined>;
  /** By exact name, a customer by title; of several assets of one name the first by type. The tenant has no name: `''`. */
  findEntity(entityType: Originator['entityType'], name: string): Promise<Originator | undefined>;
  /** Ordered by type, then by id of the other end; the first `limit` of them. */
  relations(
    of: EntityId,
    direction: Direction,
    query: { readonly type?: string; readonly limit: number },
  ): Promise<readonly Relation[]>;
  /** The customer that has the device or asset. */
  customerOf(of: EntityId): Promise<Originator | undefined>;
  /**
   * Makes the entity unless there is one of that name; many at once make one. A new one is told to the chains as
   * ENTITY_CREATED. @throws NodeFailure for a name that cannot be used, and for what attachments alone may make.
   */
  ensureEntity(entity: {
    readonly entityType: CreatableType;
    readonly name: string;
    /** Profile of a device, type of an asset. */
    readonly profile: string;
    /** `chain:<chain>/<node>`, for the audit. */
    readonly by: string;
  }): Promise<Originator>;
  /**
   * One atomic step: the relation stands, and with `sole` no other of its type leads from its `from`, or to its `to`.
   * `unknown`: one of its ends does not exist.
   */
  setRelation(relation: Relation, sole?: 'from' | 'to'): Promise<'added' | 'present' | 'unknown'>;
  removeRelation(relation: Relation): Promise<boolean>;
  /** All of the type in that direction, in one step; gives how many there were. */
  removeRelations(of: EntityId, direction: Direction, type: string): Promise<number>;
  /** Gives the device or asset to the customer, whoever had it; false when it had it already. */
  giveToCustomer(of: Originator, customer: Originator, by: string): Promise<boolean>;
  /** False when it had no customer. */
  takeFromCustomer(of: Originator, by: string): Promise<boolean>;
  /** Notes the event in the state of the device after the commit, as if it had been seen; the chains hear of it. */
  tellDeviceState(of: DeviceOriginator, event: DeviceStateEvent): void;
  /**
   * Removes attributes of the message's originator; `notifyDevice`: it hears of shared ones; `event`: ATTRIBUTES_DELETED goes
   * to the chains. Gives the keys that existed.
   */
  removeAttributes(
    msg: Msg,
    options: {
      readonly scope: AttributeScope;
      readonly keys: readonly string[];
      readonly notifyDevice: boolean;
      readonly event: boolean;
    },
  ): Promise<readonly string[]>;
}
