import type { Readable } from 'node:stream';
import type { AppSubscription, QueueLimits } from '../../../app-clients/index.ts';

/** A packet as aedes and its persistence pass it on. */
export interface AedesPacket {
  readonly cmd: string;
  readonly brokerId?: string | undefined;
  readonly brokerCounter?: number | undefined;
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup?: boolean;
  readonly messageId?: number | undefined;
  readonly clientId?: string;
  /** Wall time, ms. */
  readonly messageExpiry?: number;
  readonly properties?: object;
}

/** What tells one queued packet from all others, also over restarts. */
export const packetKey = ({ brokerId, brokerCounter }: AedesPacket): string => `${brokerId}:${brokerCounter}`;

export interface SessionClient {
  readonly id: string;
  /** Seconds; what aedes took of the CONNECT, or of the DISCONNECT. */
  readonly sessionExpiryInterval?: number;
}

export interface TopicSubscription extends AppSubscription {
  readonly clientId: string;
}

/** What a persistence gets of the broker. */
export interface PersistenceBroker {
  readonly id: string;
  publish?(packet: AedesPacket, done: (error?: Error) => void): void;
  subscribe?(
    topic: string,
    listener: (packet: { readonly topic: string; readonly payload?: unknown }, done: () => void) => void,
    done?: () => void,
  ): void;
  unsubscribe?(topic: string, listener: (packet: AedesPacket, done: () => void) => void, done?: () => void): void;
}

/** The interface that aedes 2 asks of a persistence, as far as we use it. */
export interface AedesPersistence {
  setup(broker: PersistenceBroker): Promise<void>;
  storeRetained(packet: AedesPacket): Promise<void>;
  createRetainedStreamCombi(patterns: readonly string[]): Readable;
  createRetainedStream(pattern: string): Readable;
  addSubscriptions(client: SessionClient, subscriptions: readonly AppSubscription[]): Promise<unknown>;
  removeSubscriptions(client: SessionClient, topics: readonly string[]): Promise<unknown>;
  subscriptionsByClient(client: SessionClient): Promise<readonly AppSubscription[]>;
  subscriptionsByTopic(topic: string): Promise<readonly TopicSubscription[]>;
  cleanSubscriptions(client: SessionClient): Promise<unknown>;
  countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }>;
  outgoingEnqueue(subscription: { readonly clientId: string }, packet: AedesPacket): Promise<void>;
  outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: AedesPacket): Promise<void>;
  outgoingUpdate(client: SessionClient, packet: AedesPacket): Promise<unknown>;
  outgoingClearMessageId(client: SessionClient, packet: { readonly messageId?: number }): Promise<unknown>;
  outgoingStream(client: SessionClient): AsyncIterable<AedesPacket>;
  incomingStorePacket(client: SessionClient, packet: AedesPacket): Promise<void>;
  incomingGetPacket(client: SessionClient, packet: AedesPacket): Promise<AedesPacket>;
  incomingDelPacket(client: SessionClient, packet: AedesPacket): Promise<void>;
  putWill(client: SessionClient, packet: AedesPacket): Promise<unknown>;
  getWill(client: SessionClient): Promise<AedesPacket | undefined>;
  delWill(client: SessionClient): Promise<AedesPacket | undefined>;
  streamWill(brokers?: object): AsyncIterable<AedesPacket>;
  getClientList(topic: string): AsyncIterable<string>;
  destroy(): Promise<void>;
}

/** A persistence that also keeps the time of sessions, which aedes forgets when it ends. */
export interface SessionKeeper extends AedesPersistence {
  /** The session has a connection again. */
  entered(client: SessionClient): void;
  /** Its connection has ended: it goes when it has expired. */
  left(client: SessionClient): Promise<void>;
  /** Removes what has expired at `now`, and the sessions whose owner is not among these. */
  sweep(now: number, mayStay: (id: string) => boolean): Promise<void>;
  /** Subscriptions with QoS 1 that match, of all stored sessions. */
  matching(topic: string): readonly TopicSubscription[];
  /** Several sessions have one copy of a packet: its message id may be another's. */
  readonly sharesPackets: boolean;
  /** Takes a packet out of the client's queue that was sent with this message id. */
  take(client: SessionClient, packet: AedesPacket, messageId: number): Promise<unknown>;
  /** Who has subscribed may have changed elsewhere, unheard. */
  reload(): Promise<void>;
  /** Queued messages that were lost to the limits. */
  readonly lost: number;
  readonly sessionCount: number;
  has(id: string): boolean;
}

/** What sessions are kept by, wherever they are. */
export interface SessionsOptions {
  readonly now: () => number;
  /** What may wait for one session. */
  readonly queue: QueueLimits;
  readonly maxRetained: number;
  /** Longest time that a queued message is kept, ms. */
  readonly maxSessionMs: number;
  readonly onError: (error: unknown) => void;
}
