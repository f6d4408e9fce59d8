import { isDeepStrictEqual } from 'node:util';
import {
  type Device,
  type DeviceState,
  type SigningSecrets,
  type StoredCredentials,
  stateOf,
} from '../model/device.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import type { CustomerId, DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { AuditEntry } from './record-stores.ts';

export interface NewDevice {
  readonly device: Device;
  readonly credentials: StoredCredentials;
  /** Server-scope attributes written in the same step (`provisionState` …), stamped with `device.createdAt`. */
  readonly serverAttributes: JsonObject;
  /** No more than this many devices in the profile; undefined = no limit. */
  readonly profileQuota?: number;
  /** The gateway that creates the device: in the same step it gets a relation `Created` from it, and its customer. */
  readonly createdBy?: DeviceId;
  /** Whose the device is from the first moment on. */
  readonly customer?: CustomerId;
  /** When the device's silence is to be looked at first (`connectivity-store.ts`), ms. */
  readonly stateDue?: number;
  /** Written in the same step, when the device is created. */
  readonly audit?: AuditEntry;
}

export type CreateDeviceResult =
  | { readonly kind: 'created' }
  | { readonly kind: 'name-taken'; readonly deviceId: DeviceId }
  | { readonly kind: 'credentials-taken' }
  | { readonly kind: 'quota-reached' };

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly device: Device; readonly credentials: StoredCredentials }
  | { readonly kind: 'already-provisioned'; readonly device: Device }
  | { readonly kind: 'other-profile'; readonly device: Device }
  | { readonly kind: 'unknown' };

export interface DeviceChange {
  readonly label?: string | null;
  readonly gateway?: boolean;
  readonly overwriteActivityTime?: boolean;
  /** null takes it away. */
  readonly info?: JsonObject | null;
}

/** One step of a device's life. */
export interface StateStep {
  /** Refused in any other state. */
  readonly from: readonly DeviceState[];
  /** Absent: it stays as it is. */
  readonly to?: DeviceState;
  /** The present credentials from now on, of the same index; former ones stay. */
  readonly credentials?: StoredCredentials;
  /** What the present credentials signed with when they were read: refused when they have changed since. */
  readonly ifSigning?: SigningSecrets;
  /** Written in the same step, when it is taken. */
  readonly audit?: AuditEntry;
}

export type StateChange =
  | { readonly kind: 'changed'; readonly device: Device }
  /** Nothing was written. `device` as it is. */
  | { readonly kind: 'refused'; readonly device: Device }
  | { readonly kind: 'unknown' };

/** The device after a step to that state, for both stores: one that is disabled keeps what it was. */
export function inState(device: Device, to: DeviceState | undefined): Device {
  if (to === undefined) return device;
  const { stateBefore: _, ...rest } = device;
  return { ...rest, state: to, ...(to === 'disabled' ? { stateBefore: stateOf(device) } : {}) };
}

/** Another unit in the place of a device: a new name and new credentials, the same id with all that is stored for it. */
export interface Replacement {
  readonly name: string;
  /** In the place of the present ones and of the former. */
  readonly credentials: StoredCredentials;
  readonly to: DeviceState;
  readonly audit: AuditEntry;
}

export type ReplaceResult =
  | { readonly kind: 'replaced'; readonly device: Device }
  | { readonly kind: 'name-taken' | 'credentials-taken' | 'unknown' };

/** Whether a device may take the step, for both stores. */
export function mayTake(step: StateStep, device: Device, present: StoredCredentials | undefined): boolean {
  if (!step.from.includes(stateOf(device))) return false;
  if (step.credentials !== undefined && present?.index !== step.credentials.index) return false;
  return step.ifSigning === undefined || isDeepStrictEqual(present?.signing, step.ifSigning);
}

export interface DeviceListQuery extends PageQuery {
  /** Case-insensitive part of the name. */
  readonly textSearch?: string;
  readonly profile?: string;
}

/**
 * Devices and their credentials.
 * Every promise of a write settles after the write is durable; a rejected promise means nothing was written.
 * A missing thing is `undefined`, never an error. Two writes called in order are applied in that order.
 */
export interface RegistryStore {
  /**
   * One atomic step: device, credentials, server attributes, audit line. Refused as a whole when the name exists, the
   * credentials index is in use by any device, or the quota is reached; checks run in that order.
   */
  createDevice(entry: NewDevice): Promise<CreateDeviceResult>;
  device(id: DeviceId): Promise<Device | undefined>;
  deviceByName(name: string): Promise<Device | undefined>;
  /** Ordered by the UTF-8 bytes of the name. */
  devices(query: DeviceListQuery): Promise<Page<Device>>;
  /** Number of devices, of one profile or in all; O(1). */
  deviceCount(profile?: string): Promise<number>;
  /**
   * By credentials index (a keyed hash): present or former ones, expired or not. @param decoy a device whose credentials are read
   * in vain when there are none of the index: the time does not tell.
   */
  credentials(index: string, decoy?: DeviceId): Promise<StoredCredentials | undefined>;
  credentialsOf(id: DeviceId): Promise<StoredCredentials | undefined>;
  /** Those that the present ones took the place of, while they are kept. */
  formerCredentialsOf(id: DeviceId): Promise<StoredCredentials | undefined>;
  /**
   * Atomic; the old index stops working in the same step, or, with `keepFormerUntil`, stays as the former credentials, with
   * that end unless theirs is earlier. A device has two at most: older former ones go.
   */
  replaceCredentials(
    credentials: StoredCredentials,
    keepFormerUntil?: number,
  ): Promise<'replaced' | 'credentials-taken' | 'unknown-device'>;
  /** Atomic: `former` drops the former credentials; `all` also ends the present ones at `now`. False when there was nothing to end. */
  endCredentials(id: DeviceId, which: 'former' | 'all', now: number): Promise<boolean>;
  /** Changes what is given (`label` null = none); gives the device as it is then. Atomic. */
  updateDevice(id: DeviceId, change: DeviceChange): Promise<Device | undefined>;
  /** Changes the device's state, and with it its credentials, when it is in one of the states that the step begins with. Atomic. */
  changeState(id: DeviceId, step: StateStep): Promise<StateChange>;
  /** Gives the device a new name and new credentials; its former name and credentials are free. Atomic. */
  replaceDevice(id: DeviceId, replacement: Replacement): Promise<ReplaceResult>;
  /** Sets `lastConnectedGateway` of the device; false when it is unknown. */
  setLastGateway(id: DeviceId, gateway: DeviceId): Promise<boolean>;
  /**
   * Pre-provisioned devices, exactly once: atomically checks that the device exists, is not barred, has `profile` and no server
   * attribute `provisionState`, sets `provisionState`=`provisioned`, drops `sealed` from the stored credentials and
   * gives the credentials as they were before (with `sealed`).
   */
  claimPreProvisioned(name: string, profile: string, now: number): Promise<ClaimResult>;
  /**
   * Removes the device, its credentials, attributes, series, relations, alarms and dead letters in one atomic step; an active
   * attachment ends (history keeps a tombstone: event `ended`). False when unknown.
   */
  deleteDevice(id: DeviceId, now: number, by: string): Promise<boolean>;
  /** The same for a device that is retired when it is removed; false and nothing for any other. */
  deleteRetiredDevice(id: DeviceId, now: number, by: string): Promise<boolean>;
}
