import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';

/** A change of one device's connectivity. */
export interface ConnectivityWrite {
  readonly deviceId: DeviceId;
  /** Server attributes, stamped with `ts`. */
  readonly values: JsonObject;
  readonly ts: number;
  /** When the device is to be looked at next, ms; `never` takes it off the list; absent = as it stands. */
  readonly due?: number | 'never';
}

/**
 * Connectivity as server attributes, and the list of devices whose silence will have to be noticed, in order of time: it
 * outlives the process, and what is due is found without reading any other device. A new device is put on it by its creation.
 */
export interface ConnectivityStore {
  /** All in one step of the current commit group. A deleted device is left out, and taken off the list. */
  save(writes: readonly ConnectivityWrite[]): Promise<void>;
  /** Devices whose time has come, earliest first. */
  due(now: number, limit: number): Promise<readonly DeviceId[]>;
}
