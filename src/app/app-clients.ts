import { createAppLogins, createAppPublisher } from '../app-clients/index.ts';
import type { RefusalPause } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import type { ApiKeys } from '../registry/api-keys.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';
import type { Storage } from '../storage/storage.ts';
import { type AppClients, StoredSessions } from '../transport/mqtt/app/index.ts';
import type { Cluster } from './cluster.ts';

const PREFIX = 'gridmoor-app:';
const MAX_WAITING = 50_000;
/** How long the start waits for Redis, ms. */
const OPEN_MS = 10_000;

/** Where chains publish to app clients. Behind Redis each broker tells its own, and the leading one what the dead have left. */
export function startPublisher(
  { outbox }: Pick<Storage, 'outbox'>,
  parts: { readonly instanceId: string; readonly cluster: Cluster; readonly clock: Clock; readonly log: Log },
) {
  const { instanceId, cluster, clock, log } = parts;
  const { instances } = cluster;
  const isElsewhere = (id: string): boolean => !instances.leads || instances.others.some((other) => other.id === id);
  const shared = cluster.sessions.shared ? { shared: { instanceId, isElsewhere } } : {};
  return createAppPublisher({ outbox, log, now: () => clock.now(), maxWaiting: MAX_WAITING, ...shared });
}

/** Where sessions of app clients are kept, and what closes it. */
export interface AppSessionsPlace extends Pick<AppClients, 'newSessions'> {
  readonly shared: boolean;
  close(): void;
}

/** In the store, or in the Redis that brokers share. Throws STORE_UNAVAILABLE when that does not answer. */
export async function openAppSessions(
  { appSessions: store }: Pick<Storage, 'appSessions'>,
  redis: RedisConnectionOptions | undefined,
): Promise<AppSessionsPlace> {
  if (store) return { shared: false, newSessions: (options) => new StoredSessions({ ...options, store }), close() {} };
  if (redis === undefined) throw new Error('a store without sessions of app clients, and no Redis');
  const { RedisSessions } = await import('../transport/mqtt/app/redis-sessions.ts');
  const { close, ...where } = await openAppRedis(redis);
  return { shared: true, newSessions: (options) => new RedisSessions({ ...options, ...where }), close };
}

/** The part of a Redis that is app clients'. Throws STORE_UNAVAILABLE, also where the user of Redis may not come to its keys. */
export async function openAppRedis(redis: RedisConnectionOptions) {
  // Loaded only where there is a Redis.
  const { openLibraryClient } = await import('../storage/redis/connection.ts');
  const { client, ready } = openLibraryClient({ ...redis, name: 'gridmoor-app' }, PREFIX);
  try {
    await ready(OPEN_MS);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return { conn: client, clustered: redis.target.kind === 'cluster', close: () => client.disconnect() };
}

/** What the MQTT front needs for app clients. */
export function startAppClients(parts: {
  readonly place: AppSessionsPlace;
  readonly publisher: AppClients['publisher'];
  readonly apiKeys: ApiKeys;
  readonly refusalPause: RefusalPause;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}): AppClients {
  const { place, publisher, apiKeys, refusalPause, cluster, clock, log } = parts;
  return {
    logins: createAppLogins({ apiKeys, refusalPause, clock }),
    publisher,
    newSessions: place.newSessions,
    bus: place.shared ? cluster.bus : undefined,
    now: () => clock.now(),
    log,
  };
}
