import type { Storage, StoreLog } from '../storage.ts';
import { createAlarmStateStore } from './alarm-state-store.ts';
import { createAlarmStore } from './alarm-store.ts';
import { createAssetStore } from './asset-store.ts';
import { createAttachmentStore } from './attachment-store.ts';
import { createAttributeStore } from './attribute-store.ts';
import { createCommits } from './commit.ts';
import { openConnection, type RedisConnectionOptions } from './connection.ts';
import { createConnectivityStore } from './connectivity-store.ts';
import { createCustomerStore } from './customer-store.ts';
import { createDeadLetterStore } from './dead-letters.ts';
import { createDocumentStore } from './document-store.ts';
import { createEntities } from './entities.ts';
import { createEntityData } from './entity-data.ts';
import { checkFormat } from './format.ts';
import { createGenerationStore } from './generation-store.ts';
import { writeLanes } from './lanes.ts';
import { createMessageStore } from './message-store.ts';
import { createOtaStore } from './ota-store.ts';
import { createOutboxStore } from './outbox-store.ts';
import { createPurge } from './purge.ts';
import { createQueue } from './queue.ts';
import { createApiKeyStore, createAuditStore, createSettingStore } from './record-stores.ts';
import { createRegistryStore } from './registry-store.ts';
import { createRpcStore } from './rpc-store.ts';
import { createSequence } from './sequence.ts';
import { createSupplierStore } from './supplier-store.ts';
import { createTelemetryStore } from './telemetry-store.ts';
import { createTransfer } from './transfer/index.ts';
import { createUserStore } from './user-store.ts';

export type { RedisConnectionOptions, RedisTarget } from './connection.ts';

export interface RedisStorageOptions {
  readonly connection: RedisConnectionOptions;
  readonly log?: StoreLog;
  /** Bytes of writes that may wait for Redis; beyond it writes are refused with STORE_UNAVAILABLE. */
  readonly maxPendingBytes?: number;
  /** How long a call waits for a Redis that is away before it is refused, ms. */
  readonly waitMs?: number;
  /** How long the start waits for Redis, ms. */
  readonly openTimeoutMs?: number;
  readonly maxAuditEntries?: number;
  readonly maxDeadLetters?: number;
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
}

/**
 * Opens the store of a Redis: standalone, behind Sentinel, or a Cluster. Rejects with STORE_UNAVAILABLE or STORE_VERSION, each
 * naming what to do.
 */
export async function openRedisStorage(options: RedisStorageOptions): Promise<Storage> {
  const { log, maxAuditEntries = 1_000_000 } = options;
  let troubled = false;
  const queue = createQueue(openConnection(options.connection), {
    ...(options.maxPendingBytes === undefined ? {} : { maxPendingBytes: options.maxPendingBytes }),
    ...(options.waitMs === undefined ? {} : { waitMs: options.waitMs }),
    onTrouble(problem) {
      troubled = true;
      log?.error({ event: 'store.failed', problem }, 'the store does not take writes');
    },
    onRecovery() {
      if (troubled) log?.info({ event: 'store.recovered' }, 'the store takes writes again');
      troubled = false;
    },
  });
  try {
    await queue.opened(options.openTimeoutMs ?? 10_000);
    await checkFormat(queue, log);
  } catch (error) {
    await queue.close();
    throw error;
  }
  const commits = createCommits(queue);
  const sequence = createSequence();
  const data = createEntityData(queue, commits);
  const entities = createEntities(queue, data);
  const purge = createPurge({
    queue,
    entities,
    data,
    onFailure: (err) =>
      log?.warn({ event: 'store.purge-failed', err }, 'data of deleted entities is still to be removed'),
  });
  const attributes = createAttributeStore(queue, entities);
  return {
    kind: 'redis',
    lanes: writeLanes(queue),
    registry: createRegistryStore({ queue, commits, entities, purge, maxAuditEntries }),
    assets: createAssetStore(queue, commits, { entities, purge }),
    suppliers: createSupplierStore(queue, commits, purge),
    attachments: createAttachmentStore(queue, commits),
    attributes,
    telemetry: createTelemetryStore(queue, {
      entities,
      onDamage: (entity, err) =>
        log?.error({ event: 'store.damaged-record', entity, err }, 'stored values of an entity are damaged'),
    }),
    connectivity: createConnectivityStore(queue, attributes),
    customers: createCustomerStore(queue, commits),
    audit: createAuditStore(queue, commits, maxAuditEntries),
    deadLetters: createDeadLetterStore({ queue, commits, sequence, max: options.maxDeadLetters ?? 10_000 }),
    messages: createMessageStore({
      queue,
      commits,
      sequence,
      limits: {
        maxMessages: options.maxMessages ?? 100_000,
        maxMessagesPerOriginator: options.maxMessagesPerOriginator ?? 1_000,
      },
    }),
    rpcs: createRpcStore({
      queue,
      commits,
      sequence,
      limits: { maxRpcs: options.maxRpcs ?? 100_000, maxRpcsPerDevice: options.maxRpcsPerDevice ?? 1_000 },
    }),
    alarms: createAlarmStore({
      queue,
      commits,
      limits: {
        maxAlarms: options.maxAlarms ?? 100_000,
        maxAlarmsPerOriginator: options.maxAlarmsPerOriginator ?? 1_000,
      },
    }),
    alarmStates: createAlarmStateStore(queue, entities),
    generations: createGenerationStore({ queue, commits, sequence, max: options.maxGenerations ?? 20 }),
    ota: createOtaStore(queue, commits),
    outbox: createOutboxStore(queue),
    documents: createDocumentStore(queue),
    apiKeys: createApiKeyStore(queue, commits),
    users: createUserStore(queue, commits),
    settings: createSettingStore(queue, commits),
    transfer: createTransfer({ queue, commits, sequence }, () => purge.finishAll()),
    health: () => queue.health(),
    drain: () => queue.drain(),
    async close() {
      purge.stop();
      await queue.close();
    },
  };
}
