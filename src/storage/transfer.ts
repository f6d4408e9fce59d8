import type { Attachment, AttachmentHistoryEntry } from '../model/attachment.ts';
import type { Device, StoredCredentials } from '../model/device.ts';
import type { Asset, Relation } from '../model/entity.ts';
import type { AssetId, CustomerId, DeviceId, OtaPackageId } from '../model/ids.ts';
import type { DeviceOta, OtaPackage } from '../model/ota.ts';
import type { PersistentRpc } from '../model/rpc.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { StoredAlarmState } from './alarm-state-store.ts';
import type { AppSession } from './app-session-store.ts';
import type { ClaimRegistration, Customer } from './customer-store.ts';
import type { StoredDocument } from './document-store.ts';
import type { GenerationRecord } from './generation-store.ts';
import type { HistoryPart } from './history-parts.ts';
import type { StoredMessage } from './message-store.ts';
import type { ProfileOta } from './ota-store.ts';
import type { ApiKey, AuditEntry } from './record-stores.ts';
import type { SupplierKey } from './supplier-store.ts';
import type { User } from './user-store.ts';

/** An attachment with the ids that only stores need. */
export interface AttachmentAtRest extends Attachment {
  readonly supplyPointHash: string;
  readonly supplyPointId: string;
}

/** Key, time, exact JSON text. */
export type TextValue = readonly [key: string, ts: number, text: string];

/**
 * What a store holds, as records that any other store takes: plain JSON without exact numbers, which stand in texts; bytes
 * are base64. The order of the sections is that in which they are written: what others rest on comes first.
 */
export interface TransferItems {
  readonly customers: Customer;
  readonly assets: Asset;
  readonly suppliers: { readonly id: AssetId; readonly keys: readonly SupplierKey[] };
  readonly devices: {
    readonly device: Device;
    readonly present?: StoredCredentials;
    readonly former?: StoredCredentials;
  };
  readonly due: { readonly deviceId: DeviceId; readonly at: number };
  readonly owners: { readonly entityId: string; readonly customerId: CustomerId };
  readonly claims: { readonly deviceId: DeviceId; readonly registration: ClaimRegistration };
  /** Besides those that attachments are made of. */
  readonly relations: Relation;
  /** With their relations. */
  readonly attachments: AttachmentAtRest;
  /** All lines of a device, which may be gone. */
  readonly attachmentHistory: {
    readonly deviceId: DeviceId;
    readonly lines: readonly (AttachmentHistoryEntry & { readonly attachment: AttachmentAtRest })[];
  };
  /** One scope of an entity, in the order in which its keys were first written. */
  readonly attributes: {
    readonly entityId: string;
    readonly scope: AttributeScope;
    readonly values: readonly TextValue[];
  };
  /** In the order of the keys. */
  readonly latest: { readonly entityId: string; readonly values: readonly TextValue[] };
  readonly history: HistoryPart;
  readonly alarms: { readonly text: string };
  readonly alarmStates: StoredAlarmState;
  readonly rpcs: { readonly rpc: PersistentRpc; readonly endedAt?: number };
  readonly messages: StoredMessage;
  readonly deadLetters: { readonly id: string; readonly text: string };
  readonly otaPackages: OtaPackage;
  readonly otaBlocks: { readonly id: OtaPackageId; readonly at: number; readonly bytes: string };
  readonly otaDevices: DeviceOta;
  readonly otaProfiles: ProfileOta;
  readonly users: User;
  readonly apiKeys: ApiKey;
  readonly generations: GenerationRecord;
  readonly documents: StoredDocument & { readonly kind: string };
  readonly outbox: { readonly id: string; readonly bytes: string };
  readonly appSessions: { readonly session: AppSession; readonly queue: readonly string[] };
  readonly appRetained: { readonly topic: string; readonly bytes: string };
  readonly audit: AuditEntry;
  readonly settings: { readonly name: string; readonly value: string };
}

export type SectionName = keyof TransferItems;

/** One kind of record of a store, to be read from first to last and to be written into another store. */
export interface Section<I> {
  /** All of them. Of a store that is in use each record is as it was at some moment of the reading; none that stays is left out. */
  items(): AsyncIterable<I>;
  /**
   * Writes records as they are, past all limits and rules; durable when it resolves. Called in the order of `items`, `at`
   * counting those before. The same records again change nothing.
   */
  put(items: readonly I[], at: number): Promise<void>;
}

export type Sections = { readonly [N in SectionName]: Section<TransferItems[N]> };

/** Every record of a store. */
export interface Transfer {
  readonly sections: Omit<Sections, AppSection> & Partial<Pick<Sections, AppSection>>;
  /** Finishes what a process that died has left half done. Only when nobody else uses the store. */
  finish(): Promise<void>;
}

/** Kept by others where the store has no port for them. */
export type AppSection = 'appSessions' | 'appRetained';
