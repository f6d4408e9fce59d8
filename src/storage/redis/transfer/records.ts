import { documentPlace } from '../../document-store.ts';
import type { GenerationRecord } from '../../generation-store.ts';
import type { ApiKey, AuditEntry } from '../../record-stores.ts';
import type { Sections } from '../../transfer.ts';
import type { User } from '../../user-store.ts';
import { letterOf, textOfLetter, writeLetter } from '../dead-letters.ts';
import { packDocument, unpackDocument } from '../document-store.ts';
import { KEYS } from '../keys.ts';
import { jsonOf } from '../records.ts';
import { behindSequence } from '../sequence.ts';
import { writeUser } from '../user-store.ts';
import { PER_PAGE, pagesOf, recordsByName, section, type TransferParts, textsOf } from './section.ts';

type Names = 'settings' | 'apiKeys' | 'users' | 'audit' | 'deadLetters' | 'generations' | 'outbox' | 'documents';

/** Records that hang on nothing else, and dead letters. */
export function recordSections(parts: TransferParts): Pick<Sections, Names> {
  const { queue, commits, sequence } = parts;
  return {
    settings: section(
      parts,
      async function* () {
        const flat = (await queue.send('hgetall', [KEYS.settings])) as readonly string[];
        for (let at = 0; at + 1 < flat.length; at += 2) yield { name: flat[at] ?? '', value: flat[at + 1] ?? '' };
      },
      (draft, { name, value }) => draft.write('hset', KEYS.settings, name, value),
    ),
    apiKeys: section(
      parts,
      async function* () {
        for (const text of (await queue.send('hvals', [KEYS.apiKeys])) as readonly string[]) yield jsonOf<ApiKey>(text);
      },
      (draft, apiKey) => {
        draft.write('hset', KEYS.apiKeys, apiKey.id, JSON.stringify(apiKey));
        draft.write('hset', KEYS.apiKeysByHash, apiKey.hash, apiKey.id);
      },
    ),
    users: section(
      parts,
      () => recordsByName<User>(queue, KEYS.userNames, KEYS.users),
      (draft, user) => writeUser(draft, user),
    ),
    audit: {
      async *items() {
        // From the tail: what is written meanwhile comes in at the head.
        for (let last = -1; ; last -= PER_PAGE) {
          const words = [KEYS.audit, last - PER_PAGE + 1, last];
          const lines = (await queue.send('lrange', words)) as readonly string[];
          for (const line of lines.toReversed()) yield jsonOf<AuditEntry>(line);
          if (lines.length < PER_PAGE) return;
        }
      },
      async put(entries, at) {
        const there = (await queue.send('llen', [KEYS.audit])) as number;
        const lines = entries.slice(Math.max(0, there - at)).map((entry) => JSON.stringify(entry));
        if (lines.length === 0) return;
        await commits.run('audit', async (draft) => draft.write('lpush', KEYS.audit, ...lines));
      },
    },
    deadLetters: section(
      parts,
      async function* () {
        for await (const page of pagesOf(queue, KEYS.deadLetterOrder)) {
          for (const [id, text] of await textsOf(queue, KEYS.deadLetters, page.map(behindSequence))) {
            yield { id, text: textOfLetter(text) };
          }
        }
      },
      async (draft, { id, text }) => {
        const place = sequence.next();
        if (!(await draft.has(KEYS.deadLetters, id))) writeLetter(draft, letterOf(text), place);
      },
    ),
    generations: section(
      parts,
      async function* () {
        const ids = (await queue.send('zrange', [KEYS.generationOrder, 0, -1])) as readonly string[];
        for (const [, text] of await textsOf(queue, KEYS.generations, ids)) yield jsonOf<GenerationRecord>(text);
      },
      async (draft, record) => {
        const place = sequence.nextNumber();
        if (await draft.has(KEYS.generations, record.id)) return;
        draft.write('hset', KEYS.generations, record.id, JSON.stringify(record));
        draft.write('zadd', KEYS.generationOrder, place, record.id);
      },
    ),
    documents: section(
      parts,
      async function* () {
        for await (const places of pagesOf(queue, KEYS.documentOrder)) {
          for (const [place, packed] of await textsOf(queue, KEYS.documents, places)) {
            const [kind = '', key = ''] = place.split('\0');
            yield { kind, ...unpackDocument(key, packed) };
          }
        }
      },
      (draft, { kind, ...document }) => {
        const place = documentPlace(kind, document.key);
        draft.write('hset', KEYS.documents, place, packDocument(document));
        draft.write('zadd', KEYS.documentOrder, 0, place);
        if (document.expiresAt !== undefined) draft.write('zadd', KEYS.documentsDue, document.expiresAt, place);
      },
    ),
    outbox: section(
      parts,
      async function* () {
        for await (const ids of pagesOf(queue, KEYS.outboxOrder)) {
          const found = (await queue.sendBuffer('hmget', [KEYS.outbox, ...ids])) as readonly (Buffer | null)[];
          for (const [at, id] of ids.entries()) {
            const bytes = found[at];
            if (bytes) yield { id, bytes: bytes.toString('base64') };
          }
        }
      },
      (draft, { id, bytes }) => {
        draft.write('hset', KEYS.outbox, id, Buffer.from(bytes, 'base64'));
        draft.write('zadd', KEYS.outboxOrder, 0, id);
      },
    ),
  };
}
