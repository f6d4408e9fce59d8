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
}

export const CREDENTIALS_TYPES = ['ACCESS_TOKEN', 'MQTT_BASIC', 'X509_CERTIFICATE'] as const;
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
  | { readonly type: 'X509_CERTIFICATE'; readonly certificate: string };

/** Credentials at rest: hashes only, keyed with the instance key. */
export interface StoredCredentials {
  readonly deviceId: DeviceId;
  readonly type: CredentialsType;
  /** Hash of the credentials id (thingsboard-device-api 1.2), unique over all devices. */
  readonly index: string;
  /** Hash of the MQTT_BASIC password, when there is one. */
  readonly passwordHash?: string;
  /** The credentials in clear, sealed; only until a pre-provisioned device has fetched them. */
  readonly sealed?: string;
  readonly createdAt: number;
  /** From then on they are refused, ms since 1970; absent = never. */
  readonly expiresAt?: number;
}
