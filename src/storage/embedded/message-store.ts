import type { EntityId } from '../../model/entity.ts';
import type { MessageStore, StoredMessage } from '../message-store.ts';
import type { Committer } from './committer.ts';
import { hasEntity } from './entities.ts';
import type { Environment, Span, Tables } from './environment.ts';
import { digestKey, entityKey, joinKey, prefixEnd, SEQUENCE_BYTES, sequenceKey } from './keys.ts';
import { adjustCounter, getJson, jsonOf, NOTHING, putJson, readCounter } from './records.ts';
import type { Tx } from './sequence.ts';

const COUNTER = 'messages';
const MAX_TIME = 2 ** 48 - 1;
/** Length of a key of `messages`: due time and sequence. */
const KEY_BYTES = 2 * SEQUENCE_BYTES;
const END: Buffer = Buffer.alloc(KEY_BYTES + 1, 0xff);

export interface MessageLimits {
  readonly maxMessages: number;
  readonly maxMessagesPerOriginator: number;
}

const timeKey = (ms: number): Buffer => sequenceKey(Math.min(Math.max(0, Math.floor(ms)), MAX_TIME));
const spanOf = (prefix: Buffer): Span => ({ from: prefix, to: prefixEnd(prefix) });

/**
 * Tables: `messages` due time, sequence -> message; `messageIds` digest of the id -> key there; `messagesOf` originator, key
 * there -> nothing.
 */
export function createMessageStore({ tables }: Environment, committer: Committer, limits: MessageLimits): MessageStore {
  const { messages, messagesOf, counters } = tables;
  return {
    put: (message) =>
      committer.run((tx) => {
        const originator = entityKey(message.originator);
        if (originator === undefined || !hasEntity(tables, message.originator)) return 'unknown-originator';
        drop(tables, message.id);
        if (readCounter(counters, COUNTER) >= limits.maxMessages) return 'full';
        if (messagesOf.count(spanOf(originator)) >= limits.maxMessagesPerOriginator) return 'full';
        addMessage(tables, tx, message);
        return 'stored';
      }),

    async due(now, limit) {
      const span = { from: timeKey(0), to: timeKey(now + 1), limit };
      return [...messages.entries(span)].map(({ value }) => jsonOf<StoredMessage>(value));
    },

    async nextDue(after) {
      const [first] = [...messages.keys({ from: timeKey(after + 1), to: END, limit: 1 })];
      return first?.readUIntBE(0, SEQUENCE_BYTES);
    },

    remove: (id) => committer.run(() => drop(tables, id)),

    count: async () => readCounter(counters, COUNTER),
  };
}

/** Within a transaction; there is none of this id. Of an id that is none, nothing is kept. */
export function addMessage(tables: Tables, tx: Tx, message: StoredMessage): void {
  const originator = entityKey(message.originator);
  if (originator === undefined) return;
  const at = joinKey(timeKey(message.dueAt), sequenceKey(tx.nextSequence()));
  putJson(tables.messages, at, message);
  tables.messageIds.put(digestKey(message.id), at);
  tables.messagesOf.put(joinKey(originator, at), NOTHING);
  adjustCounter(tables.counters, COUNTER, 1);
}

/** All messages of an entity that is being deleted; there are never more than `maxMessagesPerOriginator`. */
export function dropMessagesOf(tables: Tables, originator: EntityId): void {
  const key = entityKey(originator);
  if (key === undefined) return;
  for (const entry of [...tables.messagesOf.keys(spanOf(key))]) dropAt(tables, entry.subarray(-KEY_BYTES));
}

function drop(tables: Tables, id: string): boolean {
  const at = tables.messageIds.get(digestKey(id));
  return at !== undefined && dropAt(tables, at);
}

function dropAt(tables: Tables, at: Buffer): boolean {
  const message = getJson<StoredMessage>(tables.messages, at);
  if (message === undefined) return false;
  const originator = entityKey(message.originator);
  tables.messages.remove(at);
  tables.messageIds.remove(digestKey(message.id));
  if (originator !== undefined) tables.messagesOf.remove(joinKey(originator, at));
  adjustCounter(tables.counters, COUNTER, -1);
  return true;
}
