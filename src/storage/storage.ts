import type { AlarmStateStore } from './alarm-state-store.ts';
import type { AlarmStore } from './alarm-store.ts';
import type { AppSessionStore } from './app-session-store.ts';
import type { AssetStore } from './asset-store.ts';
import type { AttachmentStore } from './attachment-store.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { ConnectivityStore } from './connectivity-store.ts';
import type { CustomerStore } from './customer-store.ts';
import type { DocumentStore } from './document-store.ts';
import type { GenerationStore } from './generation-store.ts';
import type { MessageStore } from './message-store.ts';
import type { OtaStore } from './ota-store.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { ApiKeyStore, AuditStore, DeadLetterStore, SettingStore } from './record-stores.ts';
import type { RegistryStore } from './registry-store.ts';
import type { RpcStore } from './rpc-store.ts';
import type { SupplierStore } from './supplier-store.ts';
import type { TelemetryStore } from './telemetry-store.ts';
import type { Transfer } from './transfer.ts';
import type { UserStore } from './user-store.ts';

export interface StorageHealth {
  readonly ok: boolean;
  /** Why not, in words for an operator. */
  readonly problem?: string;
  /** When it was not, or was slow to answer, for the last time, ms by the monotonic clock of the process. Absent: never, or nobody looked. */
  readonly troubledAt?: number;
  /** Writes waiting for their commit. */
  readonly pendingWrites: number;
}

/** The part of a logger that a store uses. */
export interface StoreLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Groups of entities whose writes come to the same place: one that is stuck holds up its own group alone. */
export interface WriteLanes {
  readonly count: number;
  /** From 0 on; always the same of an entity. */
  of(entityId: string): number;
}

export const ONE_LANE: WriteLanes = { count: 1, of: () => 0 };

/** All ports of one store. Their writes share commit groups and are applied in call order across ports. */
export interface Storage {
  /** `embedded`, `redis`. */
  readonly kind: string;
  readonly lanes: WriteLanes;
  readonly registry: RegistryStore;
  readonly assets: AssetStore;
  readonly suppliers: SupplierStore;
  readonly attachments: AttachmentStore;
  readonly attributes: AttributeStore;
  readonly telemetry: TelemetryStore;
  readonly connectivity: ConnectivityStore;
  readonly customers: CustomerStore;
  readonly audit: AuditStore;
  readonly deadLetters: DeadLetterStore;
  readonly messages: MessageStore;
  readonly rpcs: RpcStore;
  readonly alarms: AlarmStore;
  readonly alarmStates: AlarmStateStore;
  readonly apiKeys: ApiKeyStore;
  readonly users: UserStore;
  readonly generations: GenerationStore;
  readonly settings: SettingStore;
  readonly ota: OtaStore;
  readonly outbox: OutboxStore;
  /** Small records of parts that need no port of their own. */
  readonly documents: DocumentStore;
  /** Sessions of app clients; where it is absent they are kept by others. */
  readonly appSessions?: AppSessionStore;
  /** All of it, record by record, for another store. */
  readonly transfer: Transfer;
  health(): StorageHealth;
  /** Resolves when every write called so far has settled. */
  drain(): Promise<void>;
  /**
   * Stores in files only: writes a consistent copy of everything acknowledged so far into `dataDir`, which must hold no
   * store, while this one is in use. The copy opens as a data directory of its own.
   */
  backup?(dataDir: string): Promise<void>;
  /** Drains, then releases files and locks. Writes called afterwards are rejected with SHUTTING_DOWN. */
  close(): Promise<void>;
}
