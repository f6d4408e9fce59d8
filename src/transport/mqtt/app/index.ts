import { AppBroker } from './app-broker.ts';
import type { AppBrokerOptions, AppBrokerParts } from './app-options.ts';
import type { SessionKeeper, SessionsOptions } from './persistence.ts';

export type { AppBroker } from './app-broker.ts';
export type { AppCounts } from './app-options.ts';
export { StoredSessions } from './stored-sessions.ts';

/** What an operator may set. */
export interface AppLimits
  extends Pick<AppBrokerOptions, 'maxConnections' | 'maxSessions' | 'maxSessionMs' | 'publishRate'> {
  /** Messages that wait for one stored session. */
  readonly queue: SessionsOptions['queue'];
  readonly maxRetained: number;
}

/** Everything behind the fronts that app clients need. */
export interface AppClients extends Omit<AppBrokerParts, 'sessions'> {
  readonly newSessions: (options: SessionsOptions) => SessionKeeper;
}

const FIXED = {
  maxSubscriptions: 100,
  maxPendingBytes: 1024 * 1024,
  memoryQueue: { maxMessages: 1_000, maxBytes: 4 * 1024 * 1024 },
} as const;

export function createAppBroker(
  options: AppLimits & Omit<AppBrokerOptions, keyof typeof FIXED>,
  { newSessions, ...parts }: AppClients,
): AppBroker {
  const onError = (error: unknown): void =>
    parts.log.error({ event: 'app.sessions', err: error }, 'a session of an app client could not be stored');
  const { queue, maxRetained, maxSessionMs } = options;
  const sessions = newSessions({ now: parts.now, queue, maxRetained, maxSessionMs, onError });
  return new AppBroker({ ...options, ...FIXED }, { ...parts, sessions });
}
