import type { EntityId } from '../model/entity.ts';

/** A message that left its run to go on later, behind a node. */
export interface StoredMessage {
  readonly id: string;
  readonly originator: EntityId;
  /** Wall time, ms. */
  readonly dueAt: number;
  readonly chain: string;
  readonly node: string;
  /** The message itself, encrypted: it may hold secrets. */
  readonly sealed: string;
}

/**
 * Messages that wait to go on. At most `maxMessages` of the store's options in all and `maxMessagesPerOriginator` are kept:
 * one more is not taken, since none that waits may be lost. They go with their originator.
 */
export interface MessageStore {
  /** A message of a known id takes the place of the former one. */
  put(message: StoredMessage): Promise<'stored' | 'full' | 'unknown-originator'>;
  /** Those due at `now` and before: the longest due first, among equals in the order they were put; at most `limit`. */
  due(now: number, limit: number): Promise<readonly StoredMessage[]>;
  /** When the first one is due after that time; undefined when none is. */
  nextDue(after: number): Promise<number | undefined>;
  /** False when it is unknown. */
  remove(id: string): Promise<boolean>;
  count(): Promise<number>;
}
