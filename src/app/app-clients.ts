import { createAppLogins, createAppPublisher } from '../app-clients/index.ts';
import type { RefusalPause } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import type { ApiKeys } from '../registry/api-keys.ts';
import { openLibraryClient, type RedisConnectionOptions } from '../storage/redis/connection.ts';
import type { Storage } from '../storage/storage.ts';
import type { AppClients } from '../transport/mqtt/app/index.ts';
import type { Cluster } from './cluster.ts';

const PREFIX = 'gridmoor-app:';
const MAX_WAITING = 50_000;

/** Where chains publish to app clients. Behind Redis each broker tells what it has published itself. */
export function startPublisher(
  { outbox, kind }: Pick<Storage, 'outbox' | 'kind'>,
  parts: { readonly instanceId: string; readonly clock: Clock; readonly log: Log },
) {
  const { instanceId, clock, log } = parts;
  const shared = kind === 'redis' ? { instanceId } : {};
  return createAppPublisher({ outbox, log, now: () => clock.now(), maxWaiting: MAX_WAITING, ...shared });
}

/** What the MQTT front needs for app clients, and what closes it. */
export function startAppClients(parts: {
  readonly storage: Pick<Storage, 'appSessions'>;
  readonly publisher: AppClients['publisher'];
  readonly apiKeys: ApiKeys;
  readonly refusalPause: RefusalPause;
  readonly cluster: Cluster;
  readonly redis: RedisConnectionOptions | undefined;
  readonly clock: Clock;
  readonly log: Log;
}): AppClients & { close(): void } {
  const { storage, publisher, apiKeys, refusalPause, cluster, clock, log, redis } = parts;
  const logins = createAppLogins({ apiKeys, refusalPause, clock });
  const common = { logins, publisher, now: () => clock.now(), log };
  if (storage.appSessions) return { ...common, keep: { store: storage.appSessions }, bus: undefined, close() {} };
  if (redis === undefined) throw new Error('a store without sessions of app clients, and no Redis');
  const client = openLibraryClient({ ...redis, name: 'gridmoor-app' }, PREFIX);
  const keep = { redis: client, clustered: redis.target.kind === 'cluster' };
  return { ...common, keep, bus: cluster.bus, close: () => client.disconnect() };
}
