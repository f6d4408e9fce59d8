import type { AppLogins, AppPublisher } from '../../../app-clients/index.ts';
import type { Bus } from '../../../cluster/bus.ts';
import type { Log } from '../../../observe/index.ts';
import type { SessionKeeper } from './persistence.ts';

/** Limits of app clients. */
export interface AppBrokerOptions {
  /** Largest packet on the wire, bytes. */
  readonly maxPacketBytes: number;
  readonly connectTimeoutMs: number;
  /** A login that takes longer is answered with `server unavailable`, ms. */
  readonly loginTimeoutMs: number;
  /** A socket that takes nothing for so long is closed, ms. */
  readonly drainTimeoutMs: number;
  /** Largest keep-alive, s; a CONNECT without one gets `defaultKeepaliveS`. */
  readonly maxKeepaliveS: number;
  readonly defaultKeepaliveS: number;
  readonly maxConnections: number;
  /** Stored sessions in all. */
  readonly maxSessions: number;
  /** Longest time that a session and its messages are kept without a connection, ms. */
  readonly maxSessionMs: number;
  /** Filters of one session. */
  readonly maxSubscriptions: number;
  /** Publishes of all clients of one key, as `capacity:seconds[,…]`; empty: no limit. */
  readonly publishRate: string;
  /** Bytes that may wait in a client's socket before it is cut off. */
  readonly maxPendingBytes: number;
  /** QoS 1 messages that may wait for a client whose session ends with its connection, before it is cut off. */
  readonly memoryQueue: { readonly maxMessages: number; readonly maxBytes: number };
}

/** What an app broker stands on. */
export interface AppBrokerParts {
  readonly logins: AppLogins;
  readonly publisher: AppPublisher;
  readonly sessions: SessionKeeper;
  /** To other brokers; absent: there are none. */
  readonly bus: Bus | undefined;
  readonly now: () => number;
  readonly log: Log;
}

export interface AppCounts {
  readonly connections: number;
  readonly sessions: number;
  /** Clients cut off because they did not keep up. */
  readonly cut: number;
  /** Messages that sessions lost to limits, age or size. */
  readonly lost: number;
}
