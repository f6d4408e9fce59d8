import type { AppLogins, AppPublisher, AppSessionStore, QueueLimits } from '../../../app-clients/index.ts';
import type { Bus } from '../../../cluster/bus.ts';
import type { Log } from '../../../observe/index.ts';
import { AppBroker } from './app-broker.ts';
import type { AppBrokerOptions } from './app-options.ts';
import { type AppRedis, RedisSessions } from './redis-sessions.ts';
import { StoredSessions } from './stored-sessions.ts';

export type { AppBroker } from './app-broker.ts';
export type { AppCounts } from './app-options.ts';

/** What an operator may set. */
export interface AppLimits extends Pick<AppBrokerOptions, 'maxConnections' | 'maxSessions' | 'maxSessionMs'> {
  /** Messages that wait for one stored session. */
  readonly queue: QueueLimits;
  readonly maxRetained: number;
}

/** Everything behind the fronts that app clients need. */
export interface AppClients {
  readonly logins: AppLogins;
  readonly publisher: AppPublisher;
  /** Where sessions are: in the store, or in a Redis that brokers share. */
  readonly keep: { readonly store: AppSessionStore } | { readonly redis: AppRedis; readonly clustered: boolean };
  readonly bus: Bus | undefined;
  readonly now: () => number;
  readonly log: Log;
}

const FIXED = {
  maxSubscriptions: 100,
  maxPendingBytes: 1024 * 1024,
  memoryQueue: { maxMessages: 1_000, maxBytes: 4 * 1024 * 1024 },
} as const;

export function createAppBroker(
  options: AppLimits & Omit<AppBrokerOptions, keyof typeof FIXED>,
  { keep, ...parts }: AppClients,
): AppBroker {
  const onError = (error: unknown): void =>
    parts.log.error({ event: 'app.sessions', err: error }, 'a session of an app client could not be stored');
  const { queue, maxRetained } = options;
  const common = { now: parts.now, maxRetained, onError };
  const sessions =
    'store' in keep
      ? new StoredSessions({ ...common, store: keep.store, queue })
      : new RedisSessions({
          ...common,
          conn: keep.redis,
          clustered: keep.clustered,
          maxSessionMs: options.maxSessionMs,
          maxQueued: queue.maxMessages,
        });
  return new AppBroker({ ...options, ...FIXED }, { ...parts, sessions });
}
