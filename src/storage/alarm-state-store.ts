import type { DeviceId } from '../model/ids.ts';
import type { JsonValue } from '../model/json.ts';

/** A node that evaluates alarm rules. */
export interface AlarmNode {
  readonly chain: string;
  readonly node: string;
}

/** How far the alarm rules of a device have come at one node. */
export interface StoredAlarmState {
  readonly deviceId: DeviceId;
  readonly at: AlarmNode;
  readonly state: JsonValue;
  /** When the device is to be looked at though nothing comes from it, ms. */
  readonly dueAt?: number;
}

/** States of alarm rules that outlive the process: one for each device and node. They go with their device. */
export interface AlarmStateStore {
  /** Takes the place of the former one; nothing happens when the device is unknown. */
  save(state: StoredAlarmState): Promise<void>;
  load(deviceId: DeviceId, at: AlarmNode): Promise<StoredAlarmState | undefined>;
  /** Those with a time to be looked at, the earliest first; at most `limit`. */
  due(limit: number): Promise<readonly StoredAlarmState[]>;
}
