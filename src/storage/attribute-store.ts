import type { JsonObject } from '../model/json.ts';
import type { AttributeScope, TimedValue } from '../model/telemetry.ts';
import type { SessionMark } from './session-mark.ts';

export interface AttributeWrite {
  /** Id of a device, an asset, a customer or the tenant. */
  readonly entityId: string;
  readonly scope: AttributeScope;
  readonly values: JsonObject;
  readonly ts: number;
  /** Leave value and time of a key alone whose value is the same (compared as exact JSON text). */
  readonly onlyOnChange: boolean;
  /** Absent: from nobody's session. */
  readonly session?: SessionMark | undefined;
}

/** Attributes of every kind of entity in three scopes. A write to an unknown (deleted) entity resolves and stores nothing. */
export interface AttributeStore {
  /** Resolves when durable; joins the current commit group. Gives the keys that were written. */
  save(write: AttributeWrite): Promise<readonly string[]>;
  /** All keys of the scope, or the named ones; absent keys are left out. Ordered as first written. */
  read(entityId: string, scope: AttributeScope, keys?: readonly string[]): Promise<ReadonlyMap<string, TimedValue>>;
  /** Gives the keys that existed. */
  remove(entityId: string, scope: AttributeScope, keys: readonly string[]): Promise<readonly string[]>;
}
