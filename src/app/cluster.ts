import { randomBytes } from 'node:crypto';
import { newRunId } from '../cluster/bus.ts';
import type { InstanceFacts } from '../cluster/instances.ts';
import { LocalHub, localInstances, localSessions } from '../cluster/local.ts';
import type { Log } from '../observe/index.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';
import { version } from './version.ts';

/** What changes while the instance runs; the others see it at its next heartbeat. */
export interface OwnFacts {
  addresses: Readonly<Record<string, string>>;
  draining: boolean;
  sessions: () => number;
}

/** This instance among the others: behind Redis, or alone. */
export async function joinCluster(
  options: { readonly instanceId: string; readonly redis?: RedisConnectionOptions },
  log: Log,
) {
  const startedAt = Date.now();
  const running = version();
  const self = newRunId(options.instanceId, startedAt, randomBytes(4).toString('hex'));
  const own: OwnFacts = { addresses: {}, draining: false, sessions: () => 0 };
  const facts = (): InstanceFacts => ({
    id: options.instanceId,
    epoch: startedAt,
    startedAt,
    version: running,
    addresses: own.addresses,
    draining: own.draining,
    sessions: own.sessions(),
  });
  if (options.redis !== undefined) {
    // Loaded only where there is a Redis.
    const { joinRedisCluster } = await import('../cluster/redis/index.ts');
    return { own, ...(await joinRedisCluster({ connection: options.redis, self, facts, log })) };
  }
  const bus = new LocalHub().join(self);
  return { own, bus, instances: localInstances(self, facts), sessions: localSessions, close: () => bus.close() };
}

export type Cluster = Awaited<ReturnType<typeof joinCluster>>;
