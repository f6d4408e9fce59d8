import type { JsonObject } from '../model/json.ts';
import type { TimedValue } from '../model/telemetry.ts';
import type { SessionMark } from './session-mark.ts';

export interface TelemetryWrite {
  /** Id of a device, an asset, a customer or the tenant. */
  readonly entityId: string;
  /** Milliseconds since 1970; any integer a double holds exactly, also far past or future. */
  readonly ts: number;
  readonly values: JsonObject;
  /** Exact JSON text of `values`, when the caller has it: spares the store from writing it again. */
  readonly text?: string | undefined;
  /** false: not the latest values; true by default. */
  readonly latest?: boolean;
  /** false: latest values only; true by default. */
  readonly history?: boolean;
  /** Absent: from nobody's session. */
  readonly session?: SessionMark | undefined;
}

export interface RangeQuery {
  readonly entityId: string;
  readonly keys: readonly string[];
  /** Inclusive, ms. */
  readonly startTs: number;
  /** Exclusive, ms. */
  readonly endTs: number;
  /** Points per key at most. */
  readonly limit: number;
  readonly order: 'ASC' | 'DESC';
}

export interface RemoveQuery {
  readonly entityId: string;
  readonly keys: readonly string[];
  /** Inclusive, ms. */
  readonly startTs: number;
  /** Exclusive, ms. */
  readonly endTs: number;
  /** Latest values whose time is in the range: left, removed, or replaced by the newest point that is left. */
  readonly latest: 'keep' | 'drop' | 'rewrite';
}

/**
 * Latest values and history of every kind of entity.
 * History is a set of (entity, ts, key): a second write of the same three replaces the value.
 * Latest: the value with the highest ts wins; at equal ts the later write.
 */
export interface TelemetryStore {
  /**
   * Joins the current commit group and resolves when that group is durable; all writes of one group share one promise,
   * so a caller may compare promises to wait once. Writes are applied in call order. A time that is no integer is refused
   * with BAD_REQUEST; a write to an unknown (deleted) entity resolves and stores nothing.
   */
  save(write: TelemetryWrite): Promise<void>;
  /** Named keys, or all; absent keys are left out. */
  latest(entityId: string, keys?: readonly string[]): Promise<ReadonlyMap<string, TimedValue>>;
  /** Points per key in the asked order; keys without points are left out. */
  range(query: RangeQuery): Promise<ReadonlyMap<string, readonly TimedValue[]>>;
  /**
   * Removes the points of the keys in the range; other keys of the same samples stay. Works in bounded steps and resolves
   * when all of them are durable; a crash on the way leaves a part, and a repeat does the rest. Points that are written after
   * the call stay.
   */
  remove(query: RemoveQuery): Promise<void>;
  /**
   * Drops history older than `keepMs(entity)` allows, in bounded steps; call again with the answer's cursor until it is undefined.
   * @param keepMs undefined = keep for ever.
   */
  sweep(options: {
    readonly now: number;
    readonly keepMs: (entityId: string) => Promise<number | undefined>;
    readonly cursor?: string;
    readonly maxEntities: number;
  }): Promise<{ readonly removed: number; readonly cursor?: string }>;
}
