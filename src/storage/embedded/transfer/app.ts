import type { AppSession } from '../../app-session-store.ts';
import type { AppSection, Sections } from '../../transfer.ts';
import { clearQueue, enqueue, RETAINED } from '../app-session-store.ts';
import { digestKey, prefixEnd, textKey, textOf } from '../keys.ts';
import { adjustCounter, jsonOf, putJson } from '../records.ts';
import { entriesOf, section, type TransferParts } from './section.ts';

const NO_LIMITS = { maxMessages: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };

/** Sessions of app clients with what waits for them, and retained messages. */
export function appSections(parts: TransferParts): Pick<Sections, AppSection> {
  const { tables } = parts.environment;
  return {
    appSessions: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.appSessions)) {
          const waiting = entriesOf(tables.appQueues, { from: key, to: prefixEnd(key) });
          yield { session: jsonOf<AppSession>(value), queue: [...waiting].map((one) => one.value.toString('base64')) };
        }
      },
      (tx, { session, queue }) => {
        const key = digestKey(session.id);
        putJson(tables.appSessions, key, session);
        clearQueue(tables, key);
        for (const text of queue) {
          const bytes = Buffer.from(text, 'base64');
          enqueue(tables, key, { sequence: tx.nextSequence(), bytes, limits: NO_LIMITS });
        }
      },
    ),
    appRetained: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.appRetained)) {
          yield { topic: textOf(key), bytes: value.toString('base64') };
        }
      },
      (_, { topic, bytes }) => {
        const key = textKey(topic);
        if (!tables.appRetained.has(key)) adjustCounter(tables.counters, RETAINED, 1);
        tables.appRetained.put(key, Buffer.from(bytes, 'base64'));
      },
    ),
  };
}
