/** A subscription of a stored session, as its SUBSCRIBE gave it. */
export interface AppSubscription {
  readonly topic: string;
  readonly qos: number;
  readonly rh?: number;
  readonly rap?: boolean;
  readonly nl?: boolean;
  readonly subscriptionIdentifier?: number;
}

/** An app client's session that outlives its connection. */
export interface AppSession {
  readonly id: string;
  /** How long it is kept without a connection, ms. */
  readonly expiryMs: number;
  /** When its connection ended, wall time, ms; absent while there is one. */
  readonly leftAt?: number;
  readonly subscriptions: readonly AppSubscription[];
}

/** A message of a session's queue, as bytes of its owner. */
export interface QueuedMessage {
  /** Grows along the queue. */
  readonly sequence: number;
  readonly bytes: Buffer;
}

export interface QueueLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Sessions, queues and retained messages of app clients. Writes join the current commit group and are applied in call order. */
export interface AppSessionStore {
  sessions(): Promise<readonly AppSession[]>;
  put(session: AppSession): Promise<void>;
  /** With its queue. An unknown id is no error. */
  remove(id: string): Promise<void>;
  /**
   * Adds one message to the queues of these sessions, known or not; a queue beyond the limits loses its oldest messages.
   * Gives how many were lost.
   */
  enqueue(ids: readonly string[], bytes: Buffer, limits: QueueLimits): Promise<number>;
  /** The oldest messages of a queue, behind `after`; at most `limit`. */
  queue(id: string, limit: number, after?: number): Promise<readonly QueuedMessage[]>;
  /** Other bytes for a message; nothing when it is gone. */
  replace(id: string, message: QueuedMessage): Promise<void>;
  /** An unknown one is no error. */
  take(id: string, sequence: number): Promise<void>;
  /** The last message of a topic; without bytes none. False, and nothing is kept, when there are `maxTopics` others. */
  retain(topic: string, bytes: Buffer | undefined, maxTopics: number): Promise<boolean>;
  /** Topics that begin with `prefix`, by their bytes, from behind `after`; at most `limit`. */
  retained(
    prefix: string,
    limit: number,
    after?: string,
  ): Promise<readonly { readonly topic: string; readonly bytes: Buffer }[]>;
}
