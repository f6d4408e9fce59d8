import type { AppSession, AppSessionStore, QueueLimits } from '../app-session-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Span, Tables } from './environment.ts';
import { digestKey, joinKey, prefixEnd, SEQUENCE_BYTES, sequenceKey, textKey, textOf } from './keys.ts';
import { adjustCounter, jsonOf, putJson, readCounter, removeRange } from './records.ts';

/** Name of the counter. */
export const RETAINED = 'appRetained';
const FIRST = Buffer.from([0]);

const spanOf = (prefix: Buffer): Span => ({ from: prefix, to: prefixEnd(prefix) });

/**
 * Tables: `appSessions` digest of the id -> session; `appQueues` digest, sequence -> bytes; `appQueueFill` digest -> messages and
 * bytes in the queue; `appRetained` topic -> bytes.
 */
export function createAppSessionStore({ tables }: Environment, committer: Committer): AppSessionStore {
  const { appSessions, appQueues, appRetained, counters } = tables;
  return {
    async sessions() {
      return [...appSessions.entries({ from: FIRST, to: Buffer.alloc(33, 0xff) })].map(({ value }) =>
        jsonOf<AppSession>(value),
      );
    },
    put: (session) => committer.run(() => putJson(appSessions, digestKey(session.id), session)),
    remove: (id) =>
      committer.run(() => {
        const key = digestKey(id);
        appSessions.remove(key);
        clearQueue(tables, key);
      }),

    enqueue: (ids, bytes, limits) =>
      committer.run(
        (tx) => {
          let lost = 0;
          for (const id of ids) lost += enqueue(tables, digestKey(id), { sequence: tx.nextSequence(), bytes, limits });
          return lost;
        },
        { bytes: bytes.length },
      ),
    async queue(id, limit, after = -1) {
      const key = digestKey(id);
      const from = joinKey(key, sequenceKey(after + 1));
      return [...appQueues.entries({ from, to: prefixEnd(key), limit })].map(({ key: at, value }) => ({
        sequence: at.readUIntBE(key.length, SEQUENCE_BYTES),
        bytes: value,
      }));
    },
    replace: (id, { sequence, bytes }) =>
      committer.run(
        () => {
          const key = digestKey(id);
          const at = joinKey(key, sequenceKey(sequence));
          const former = appQueues.get(at);
          if (former === undefined) return;
          appQueues.put(at, bytes);
          fill(tables, key, 0, bytes.length - former.length);
        },
        { bytes: bytes.length },
      ),
    take: (id, sequence) =>
      committer.run(() => {
        const key = digestKey(id);
        drop(tables, key, joinKey(key, sequenceKey(sequence)));
      }),

    retain: (topic, bytes, maxTopics) =>
      committer.run(
        () => {
          const key = textKey(topic);
          if (bytes === undefined) {
            if (appRetained.remove(key)) adjustCounter(counters, RETAINED, -1);
            return true;
          }
          if (!appRetained.has(key)) {
            if (readCounter(counters, RETAINED) >= maxTopics) return false;
            adjustCounter(counters, RETAINED, 1);
          }
          appRetained.put(key, bytes);
          return true;
        },
        { bytes: bytes?.length ?? 0 },
      ),
    async retained(prefix, limit, after) {
      const all = textKey(prefix);
      const from = after === undefined ? all : joinKey(textKey(after), FIRST);
      return [...appRetained.entries({ from, to: prefixEnd(all), limit })].map(({ key, value }) => ({
        topic: textOf(key),
        bytes: value,
      }));
    },
  };
}

/** Within a transaction. */
export function clearQueue({ appQueues, appQueueFill }: Tables, key: Buffer): void {
  removeRange(appQueues, spanOf(key));
  appQueueFill.remove(key);
}

/** Within a transaction: adds a message to a queue; gives how many were lost. */
export function enqueue(
  tables: Tables,
  key: Buffer,
  { sequence, bytes, limits }: { sequence: number; bytes: Buffer; limits: QueueLimits },
): number {
  tables.appQueues.put(joinKey(key, sequenceKey(sequence)), bytes);
  let state = fill(tables, key, 1, bytes.length);
  let lost = 0;
  while (state.messages > limits.maxMessages || (state.bytes > limits.maxBytes && state.messages > 1)) {
    const [oldest] = [...tables.appQueues.keys({ ...spanOf(key), limit: 1 })];
    if (oldest === undefined) break;
    state = drop(tables, key, oldest);
    lost++;
  }
  return lost;
}

function drop(tables: Tables, key: Buffer, at: Buffer): Fill {
  const former = tables.appQueues.get(at);
  if (former === undefined) return fill(tables, key, 0, 0);
  tables.appQueues.remove(at);
  return fill(tables, key, -1, -former.length);
}

interface Fill {
  readonly messages: number;
  readonly bytes: number;
}

/** Moves what is known of a queue's length; gives the new state. */
function fill({ appQueueFill }: Tables, key: Buffer, messages: number, bytes: number): Fill {
  const state = appQueueFill.get(key);
  const next = {
    messages: Math.max(0, (state?.readUIntBE(0, 6) ?? 0) + messages),
    bytes: Math.max(0, (state?.readUIntBE(6, 6) ?? 0) + bytes),
  };
  if (messages === 0 && bytes === 0) return next;
  const written = Buffer.allocUnsafe(12);
  written.writeUIntBE(next.messages, 0, 6);
  written.writeUIntBE(next.bytes, 6, 6);
  appQueueFill.put(key, written);
  return next;
}
