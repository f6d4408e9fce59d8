import type { DeviceId } from './ids.ts';
import type { JsonObject } from './json.ts';

/** A registered device. `profile` is the profile's name (ThingsBoard's device `type`). */
export interface Device {
  readonly id: DeviceId;
  readonly name: string;
  readonly profile: string;
  readonly label?: string;
  readonly gateway: boolean;
  /** Of a gateway: what comes from it is activity of all sub-devices it has connected. */
  readonly overwriteActivityTime?: boolean;
  /** The gateway that last connected on this device's behalf. */
  readonly lastConnectedGateway?: DeviceId;
  /** What clients of ThingsBoard keep in `additionalInfo` beside our flags. */
  readonly info?: JsonObject;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Absent: as ever, active. Changed by `RegistryStore.changeState` alone. */
  readonly state?: DeviceState;
  /** What a disabled device was before. */
  readonly stateBefore?: DeviceState;
}

/**
 * Where a device is in its life: `registered` but not heard of, `issued` a secret that it has not used yet, `active`,
 * `disabled` for a time, `retired` for good.
 */
export const DEVICE_STATES = ['registered', 'issued', 'active', 'disabled', 'retired'] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];

export const stateOf = ({ state }: Pick<Device, 'state'>): DeviceState => state ?? 'active';

/** Whether the device may do nothing at all, whatever it shows. */
export const isBarred = (device: Pick<Device, 'state'>): boolean =>
  device.state === 'disabled' || device.state === 'retired';

export const CREDENTIALS_TYPES = ['ACCESS_TOKEN', 'MQTT_BASIC', 'X509_CERTIFICATE', 'SIGNED_SECRET'] as const;
export type CredentialsType = (typeof CREDENTIALS_TYPES)[number];

/** Credentials in clear, as a device or an administrator gives them. Never stored, never logged. */
export type Credentials =
  | { readonly type: 'ACCESS_TOKEN'; readonly token: string }
  | {
      readonly type: 'MQTT_BASIC';
      readonly clientId?: string;
      readonly userName?: string;
      readonly password?: string;
    }
  /** `certificate`: base64 DER without armour and line breaks. */
  | { readonly type: 'X509_CERTIFICATE'; readonly certificate: string }
  /** A device that signs its logins (registration-protocols 1.1, 1.9). `deviceKey` is Alibaba's DeviceName, too. */
  | {
      readonly type: 'SIGNED_SECRET';
      readonly productKey: string;
      readonly deviceKey: string;
      readonly deviceSecret: string;
    };

/** What signatures of a device are checked with; secrets are sealed with the instance key, as they are needed in clear. */
export interface SigningSecrets {
  readonly productKey: string;
  readonly deviceKey: string;
  readonly secret: string;
  /** The secret before this one: good until the new one is used, at the latest until `formerUntil`, ms since 1970. */
  readonly former?: string;
  readonly formerUntil?: number;
  /** Clients that log in by a token of their own (registration-protocols 1.8); `token` is its keyed hash. */
  readonly clients?: readonly { readonly clientId: string; readonly token: string }[];
}

/** Credentials at rest: keyed hashes and sealed secrets, with the instance key. */
export interface StoredCredentials {
  readonly deviceId: DeviceId;
  readonly type: CredentialsType;
  /** Hash of the credentials id (thingsboard-device-api 1.2), unique over all devices. */
  readonly index: string;
  /** Hash of the MQTT_BASIC password, when there is one. */
  readonly passwordHash?: string;
  /** The credentials in clear, sealed; only until a pre-provisioned device has fetched them. */
  readonly sealed?: string;
  /** Of SIGNED_SECRET. */
  readonly signing?: SigningSecrets;
  readonly createdAt: number;
  /** From then on they are refused, ms since 1970; absent = never. */
  readonly expiresAt?: number;
}
