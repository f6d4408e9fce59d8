import type { Msg } from '../model/msg.ts';

/** What a chain tells app clients. */
export interface AppMessage {
  /** Below `app/`. */
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** How long anybody wants it, ms; absent: as long as sessions keep messages. */
  readonly expiryMs?: number;
}

/** What nodes may tell app clients. */
export interface AppContext {
  /** Publishes after the commit of the message, and is part of it. @throws NodeFailure when too many publications wait. */
  publishToApps(msg: Msg, message: AppMessage): void;
}
