import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { AttributeScope, TimedValue } from '../model/telemetry.ts';

export interface AttributeWrite {
  readonly deviceId: DeviceId;
  readonly scope: AttributeScope;
  readonly values: JsonObject;
  readonly ts: number;
  /** Leave value and time of a key alone whose value is the same (compared as exact JSON text). */
  readonly onlyOnChange: boolean;
}

/** Attributes in three scopes. A write to an unknown (deleted) device resolves and stores nothing. */
export interface AttributeStore {
  /** Resolves when durable; joins the current commit group. Gives the keys that were written. */
  save(write: AttributeWrite): Promise<readonly string[]>;
  /** All keys of the scope, or the named ones; absent keys are left out. Ordered as first written. */
  read(deviceId: DeviceId, scope: AttributeScope, keys?: readonly string[]): Promise<ReadonlyMap<string, TimedValue>>;
  /** Gives the keys that existed. */
  remove(deviceId: DeviceId, scope: AttributeScope, keys: readonly string[]): Promise<readonly string[]>;
}
