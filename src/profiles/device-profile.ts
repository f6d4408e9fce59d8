import type { JsonValue } from '../model/json.ts';
import type { Secret } from '../model/secret.ts';
import type { AlarmRules } from '../rules/alarms/index.ts';
import type { ProtobufPayloads } from './protobuf.ts';
import type { ProvisionRules } from './provision-rules.ts';
import type { ThingModel } from './thing-model.ts';
import type { ConnectLimit, Listeners, ThingProfile } from './thing-profile.ts';
import type { OnExisting } from './thing-schema.ts';
import type { TopicFilter } from './topic-filter.ts';
import type { X509Profile } from './x509-schema.ts';

/** A provision secret: given by reference or literally, or to be made on the first start. */
export type ProvisionSecret =
  | { readonly kind: 'known'; readonly secret: Secret }
  /** `variable`: the environment variable that would have given it. */
  | { readonly kind: 'pending'; readonly variable: string | undefined };

/** Devices whose certificate was issued under this one get in without a request (thingsboard-device-api 2.6). */
export interface CertificateChain {
  /** Of the issuer, base64 DER. */
  readonly certificate: string;
  /** Matched against the leaf's common name; group 1 is the device's name. */
  readonly name: RegExp;
  readonly allowCreate: boolean;
}

/** A device profile, however its file was written. */
export interface DeviceProfile {
  readonly name: string;
  readonly description?: string;
  readonly provision: {
    readonly strategy: 'disabled' | 'allow-create-new-devices' | 'check-pre-provisioned-devices';
    readonly key?: string;
    readonly secret?: ProvisionSecret;
    /** Most devices of this profile. */
    readonly quota?: number;
    /** Rate of accepted requests, `capacity:seconds[,…]`. */
    readonly rate?: string;
    readonly onExisting: OnExisting;
    readonly rules: ProvisionRules;
  };
  /** Absent: the devices speak ThingsBoard's API. */
  readonly thing?: ThingProfile;
  readonly listeners?: Listeners;
  readonly certificateChain?: CertificateChain;
  /** Its devices get certificates from here: to log in by, or, of a signing dialect, to show besides. */
  readonly x509?: X509Profile;
  /** `mqtt` and `coap`: its devices are let in there and over HTTP only. */
  readonly transport: 'default' | 'mqtt' | 'coap';
  /** Custom topics; absent = the standard ones. Active for transport `mqtt` only. */
  readonly topics: {
    readonly telemetry?: TopicFilter;
    readonly attributes?: TopicFilter;
    readonly attributesSubscribe?: TopicFilter;
  };
  /** Absent: payloads are JSON. Active for transports `mqtt` and `coap` only. */
  readonly protobuf?: ProtobufPayloads;
  readonly sendAckOnValidationException: boolean;
  readonly typeCast: boolean;
  /** What is wrong with a payload by the profile's own JSON Schema, in words; absent = no schema. */
  readonly checkTelemetry?: (payload: JsonValue) => string | undefined;
  readonly checkAttributes?: (payload: JsonValue) => string | undefined;
  /** What devices may send by the thing model, besides. */
  readonly model?: ThingModel;
  /** How long history is kept, and how long a retired device with all its own; absent = for ever. */
  readonly retention: { readonly historyMs?: number; readonly retiredMs?: number };
  /** ThingsBoard's rate texts; absent = no limit. */
  readonly limits: {
    readonly messages?: string;
    readonly telemetryMessages?: string;
    readonly telemetryDataPoints?: string;
    readonly connects?: ConnectLimit;
  };
  /** What the node profile/alarm-rules evaluates for its devices; absent = nothing. */
  readonly alarmRules?: AlarmRules;
  /** The same for ThingsBoard's clients, when they stand in its form. */
  readonly exportedAlarms?: readonly JsonValue[];
  /** Chain where messages of its devices start; absent = the root chain. */
  readonly ruleChain?: string;
  /** Keys whose values are secrets, besides those that chains name. */
  readonly secretKeys?: readonly string[];
}
