import type { Storage, StoreLog } from '../storage.ts';
import { createAssetStore } from './asset-store.ts';
import { createAttachmentStore } from './attachment-store.ts';
import { createAttributeStore, writeFirstAttributes } from './attribute-store.ts';
import { createCommits } from './commit.ts';
import { openConnection, type RedisConnectionOptions } from './connection.ts';
import { createConnectivityStore } from './connectivity-store.ts';
import { createCustomerStore } from './customer-store.ts';
import { createEntities, type EntityData } from './entities.ts';
import { checkFormat } from './format.ts';
import { entityDataKeys } from './keys.ts';
import { createPurge } from './purge.ts';
import { createQueue } from './queue.ts';
import { createApiKeyStore, createAuditStore, createSettingStore } from './record-stores.ts';
import { createRegistryStore } from './registry-store.ts';
import { createSupplierStore } from './supplier-store.ts';
import { createTelemetryStore } from './telemetry-store.ts';
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
}

/** The ports that are not built yet. */
type Missing = 'deadLetters' | 'messages' | 'rpcs' | 'alarms' | 'alarmStates' | 'generations' | 'ota';

export type PartialRedisStorage = Omit<Storage, Missing>;

/**
 * Opens the store of a Redis: standalone, behind Sentinel, or a Cluster. Rejects with STORE_UNAVAILABLE or STORE_VERSION, each
 * naming what to do.
 */
export async function openRedisStorage(options: RedisStorageOptions): Promise<PartialRedisStorage> {
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
  const data: EntityData = {
    writeFirst: (id, first) => writeFirstAttributes(queue, { entityId: id, ...first }),
    async drop({ id }) {
      await queue.send('unlink', entityDataKeys(id));
    },
  };
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
    apiKeys: createApiKeyStore(queue, commits),
    users: createUserStore(queue, commits),
    settings: createSettingStore(queue, commits),
    health: () => queue.health(),
    drain: () => queue.drain(),
    async close() {
      purge.stop();
      await queue.close();
    },
  };
}
