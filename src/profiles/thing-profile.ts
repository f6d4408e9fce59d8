import type { SignatureHash, SigningDialect } from '../dialects/wire/dialect.ts';
import type { Secret } from '../model/secret.ts';
import type { FileRules, NameSource, ProductSecretSpec } from './thing-schema.ts';

/** What connections of a profile's devices must be like. */
export interface Listeners {
  readonly requireTls: boolean;
  /** Whether the product's secret is taken without TLS. */
  readonly allowPlaintextProvisioning: boolean;
}

export interface ConnectLimit {
  /** Connects of one device; the next one within two minutes blocks it. */
  readonly per2Min: number;
  readonly blockMs: number;
}

/** MQTT 3.1.1 return codes of refusals. */
export interface RefusalCodes {
  readonly credentials: 2 | 3 | 4 | 5;
  readonly notAllowed: 2 | 3 | 4 | 5;
}

/** What a gateway may do for sub-devices. */
export interface ChildrenRules {
  /** Their profiles, by name. */
  readonly profiles: readonly string[];
  readonly maxPerRequest: number;
  readonly max: number;
}

export interface ProductSecret {
  readonly secret: Secret;
  /** ms since 1970; absent = the current one. */
  readonly until?: number;
}

interface ThingRules {
  readonly dialect: SigningDialect;
  readonly secretBytes: number;
  /** Whether devices may be activated or registered with the product's secret. */
  readonly dynamic: boolean;
  /** The integration channel. */
  readonly integration: boolean;
  /** Key of the device that raw bytes of the channel are of. */
  readonly rawDevice?: string;
  /** Names of the accounts that may register and manage its devices. */
  readonly serviceAccounts: readonly string[];
  /** Whether a device gets its triple for its deviceId (registration-protocols 1.6). */
  readonly functionCompute: boolean;
  readonly refusalCodes: RefusalCodes;
  readonly maxPayloadBytes: number;
  /** Where devices reach HTTP, without a slash at its end. */
  readonly downloadUrl?: string;
  /** Of a gateway; absent: its devices are none. */
  readonly children?: ChildrenRules;
  /** Absent: files are not taken. */
  readonly files?: FileRules;
  /** Off: clients are sent what they subscribed to. */
  readonly pushWithoutSubscription: boolean;
}

/** What a profile of a signing dialect has besides (registration-protocols 4). */
export interface ThingProfile extends ThingRules {
  readonly productKey: string;
  /** The current one first; none = devices sign with their own secrets only. */
  readonly secrets: readonly ProductSecret[];
  readonly orgId?: string;
  readonly hashes: ReadonlySet<SignatureHash>;
  readonly naming: { readonly source: NameSource; readonly pattern?: RegExp };
}

/** A profile's dialect as its file says it; secrets are not looked at yet. */
export interface ThingDraft extends ThingRules {
  readonly product: { readonly key: string; readonly secrets: readonly ProductSecretSpec[]; readonly orgId?: string };
  readonly hashes: readonly SignatureHash[];
  readonly naming: { readonly source: NameSource; readonly pattern?: string };
}
