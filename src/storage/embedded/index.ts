import { ONE_LANE, type Storage, type StoreLog } from '../storage.ts';
import { createAlarmStateStore } from './alarm-state-store.ts';
import { createAlarmStore } from './alarm-store.ts';
import { createAppSessionStore } from './app-session-store.ts';
import { createAssetStore } from './asset-store.ts';
import { createAttachmentStore } from './attachment-store.ts';
import { createAttributeStore } from './attribute-store.ts';
import { copyStore } from './backup.ts';
import { createCommitter } from './committer.ts';
import { createConnectivityStore } from './connectivity-store.ts';
import { createCustomerStore } from './customer-store.ts';
import { diskProblem, openDirectory } from './directory.ts';
import { createDocumentStore } from './document-store.ts';
import { openEnvironment } from './environment.ts';
import { checkFormat } from './format.ts';
import { createGenerationStore } from './generation-store.ts';
import { createMessageStore } from './message-store.ts';
import { createOtaStore } from './ota-store.ts';
import { createOutboxStore } from './outbox-store.ts';
import { createPurge } from './purge.ts';
import { createApiKeyStore, createAuditStore, createDeadLetterStore, createSettingStore } from './record-stores.ts';
import { recover } from './recovery.ts';
import { createRegistryStore } from './registry-store.ts';
import { createRpcStore } from './rpc-store.ts';
import { createSupplierStore } from './supplier-store.ts';
import { createTelemetryBatch, createTelemetryStore } from './telemetry-store.ts';
import { createTransfer } from './transfer/index.ts';
import { createUserStore } from './user-store.ts';

export interface EmbeddedStorageOptions {
  /** Made with mode 0700 when missing; the store's own files are in `store/` below it. */
  readonly dataDir: string;
  readonly log?: StoreLog;
  /** true: a write is acknowledged when it is on the disk; false: when it survives the death of the process. */
  readonly sync?: boolean;
  readonly maxDeadLetters?: number;
  readonly maxAuditEntries?: number;
  /** Persistent calls to devices: in all, and of one device. */
  readonly maxRpcs?: number;
  readonly maxRpcsPerDevice?: number;
  /** Messages that wait to go on: in all, and of one originator. */
  readonly maxMessages?: number;
  readonly maxMessagesPerOriginator?: number;
  /** Alarms: in all, and of one originator. */
  readonly maxAlarms?: number;
  readonly maxAlarmsPerOriginator?: number;
  /** Former sets of chain files that can be gone back to. */
  readonly maxGenerations?: number;
  /** Bytes of waiting writes; beyond it writes are refused with STORE_UNAVAILABLE. */
  readonly maxPendingBytes?: number;
}

/**
 * Opens the store of a data directory. Rejects with STORE_LOCKED, STORE_VERSION, STORE_CORRUPT or STORE_UNAVAILABLE,
 * each naming the directory and what to do.
 */
export async function openEmbeddedStorage(options: EmbeddedStorageOptions): Promise<Storage> {
  const { log, sync = true, maxDeadLetters = 10_000, maxAuditEntries = 1_000_000 } = options;
  const directory = await openDirectory(options.dataDir);
  const opened: { close(): Promise<void> }[] = [];
  try {
    const environment = openEnvironment(directory.path, sync);
    opened.unshift(environment);
    await checkFormat(environment, directory);
    const committer = createCommitter({
      environment,
      maxPendingBytes: options.maxPendingBytes ?? 256 * 1024 * 1024,
      maxGroupWrites: 4096,
      explain: () => diskProblem(directory.path),
      onFailure: (err) => log?.error({ event: 'store.failed', err }, 'the store does not take writes'),
      onRecovery: () => log?.info({ event: 'store.recovered' }, 'the store takes writes again'),
      onJournalFailure: (err) =>
        log?.error({ event: 'store.journal-failed', err }, 'the journal of the store has failed: writes take longer'),
    });
    opened.unshift(committer);
    const purge = createPurge(environment, committer);
    const telemetryBatch = createTelemetryBatch(environment, {
      purge,
      onDamage: (entity, err) =>
        log?.error({ event: 'store.damaged-record', entity, err }, 'stored values of an entity are damaged'),
    });
    await recover(environment, committer, telemetryBatch, {
      file: directory.journal,
      sync,
      onDamage: (records) =>
        log?.error({ event: 'store.damaged-journal', records }, 'acknowledged telemetry cannot be read any more'),
      onLost: () =>
        log?.error(
          { event: 'store.lost-journal', file: directory.journal },
          'the journal of a store that was not closed is missing or has been cut: telemetry acknowledged last may be lost',
        ),
      onMissing: (err) =>
        log?.warn({ event: 'store.no-journal', err }, 'the journal of the store cannot be made: writes take longer'),
    });
    purge.wake();
    const drain = async (): Promise<void> => {
      do {
        await committer.drain();
        await purge.idle();
      } while (!committer.isIdle);
    };
    return {
      kind: 'embedded',
      lanes: ONE_LANE,
      registry: createRegistryStore(environment, committer, { purge, maxAuditEntries }),
      assets: createAssetStore(environment, committer, purge),
      suppliers: createSupplierStore(environment, committer),
      attachments: createAttachmentStore(environment, committer),
      attributes: createAttributeStore(environment, committer),
      telemetry: createTelemetryStore(environment, committer, telemetryBatch),
      connectivity: createConnectivityStore(environment, committer),
      customers: createCustomerStore(environment, committer),
      audit: createAuditStore(environment, committer, maxAuditEntries),
      deadLetters: createDeadLetterStore(environment, committer, maxDeadLetters),
      messages: createMessageStore(environment, committer, {
        maxMessages: options.maxMessages ?? 100_000,
        maxMessagesPerOriginator: options.maxMessagesPerOriginator ?? 1_000,
      }),
      rpcs: createRpcStore(environment, committer, {
        maxRpcs: options.maxRpcs ?? 100_000,
        maxRpcsPerDevice: options.maxRpcsPerDevice ?? 1_000,
      }),
      alarms: createAlarmStore(environment, committer, {
        maxAlarms: options.maxAlarms ?? 100_000,
        maxAlarmsPerOriginator: options.maxAlarmsPerOriginator ?? 1_000,
      }),
      alarmStates: createAlarmStateStore(environment, committer),
      apiKeys: createApiKeyStore(environment, committer),
      generations: createGenerationStore(environment, committer, options.maxGenerations ?? 20),
      users: createUserStore(environment, committer),
      settings: createSettingStore(environment, committer),
      ota: createOtaStore(environment, committer),
      outbox: createOutboxStore(environment, committer),
      documents: createDocumentStore(environment, committer),
      transfer: createTransfer({ environment, committer }, drain),
      appSessions: createAppSessionStore(environment, committer),
      health: () => committer.health(),
      drain,
      async backup(target) {
        await drain();
        await copyStore(environment, target);
      },
      async close() {
        await committer.close();
        await environment.close();
        directory.release();
      },
    };
  } catch (error) {
    for (const part of opened) await part.close();
    directory.release();
    throw error;
  }
}
