import { type DocumentChange, type DocumentStore, documentPlace, type StoredDocument } from '../document-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { joinKey, prefixEnd, SEQUENCE_BYTES, sequenceKey, textKey, textOf } from './keys.ts';
import { getJson, jsonOf, NOTHING, putJson } from './records.ts';

type Record = Omit<StoredDocument, 'key'>;

const BEHIND = Buffer.from([0]);
/** Expired documents that one write removes. */
const PER_WRITE = 16;

/** Tables: `documents` kind, NUL, key -> record; `documentsDue` end, kind, NUL, key. */
export function createDocumentStore({ tables }: Environment, committer: Committer): DocumentStore {
  const { documents } = tables;
  const spanOf = (kind: string, prefix: string) => {
    const from = textKey(documentPlace(kind, prefix));
    return { from, to: prefixEnd(from) };
  };
  return {
    async get(kind, key, now) {
      const record = getJson<Record>(documents, textKey(documentPlace(kind, key)));
      return record && isThere(record, now) ? { key, ...record } : undefined;
    },
    async list(kind, { prefix = '', after, limit, now }) {
      const span = spanOf(kind, prefix);
      const behind = after === undefined ? span.from : joinKey(textKey(documentPlace(kind, after)), BEHIND);
      let from = behind.compare(span.from) < 0 ? span.from : behind;
      const found: StoredDocument[] = [];
      while (found.length < limit && from.compare(span.to) < 0) {
        const page = [...documents.entries({ from, to: span.to, limit })];
        for (const { key, value } of page) {
          const record = jsonOf<Record>(value);
          if (found.length < limit && isThere(record, now))
            found.push({ key: textOf(key).slice(kind.length + 1), ...record });
        }
        const last = page.at(-1);
        if (last === undefined || page.length < limit) break;
        from = joinKey(last.key, BEHIND);
      }
      return found;
    },
    count: async (kind, prefix = '') => documents.count(spanOf(kind, prefix)),
    async write(changes, now) {
      const placed = changes.map((change) => ({ change, key: textKey(documentPlace(change.kind, change.key)) }));
      const bytes = changes.reduce((sum, { text = '' }) => sum + text.length, 0);
      return committer.run(
        () => {
          removeExpired(tables, now);
          const versions = placed.map(({ key }) => {
            const record = getJson<Record>(documents, key);
            return record && isThere(record, now) ? record.version : 0;
          });
          if (placed.some(({ change }, at) => (change.expected ?? versions[at]) !== versions[at])) return false;
          for (const [at, { key, change }] of placed.entries()) {
            removeDocument(tables, key);
            if (change.text !== undefined) putDocument(tables, key, recordOf(change, change.text, versions[at] ?? 0));
          }
          return true;
        },
        { bytes },
      );
    },
  };
}

const isThere = ({ expiresAt }: Record, now: number): boolean => expiresAt === undefined || expiresAt > now;

const recordOf = ({ expiresAt }: DocumentChange, text: string, former: number): Record => ({
  version: former + 1,
  text,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

/** Writes a document whose place is free. */
export function putDocument({ documents, documentsDue }: Tables, key: Buffer, record: Record): void {
  putJson(documents, key, record);
  if (record.expiresAt !== undefined) documentsDue.put(joinKey(sequenceKey(record.expiresAt), key), NOTHING);
}

/** Removes a document, when there is one. */
export function removeDocument({ documents, documentsDue }: Tables, key: Buffer): void {
  const record = getJson<Record>(documents, key);
  if (record === undefined) return;
  documents.remove(key);
  if (record.expiresAt !== undefined) documentsDue.remove(joinKey(sequenceKey(record.expiresAt), key));
}

function removeExpired(tables: Tables, now: number): void {
  const ended = { from: sequenceKey(0), to: sequenceKey(now + 1), limit: PER_WRITE };
  for (const due of [...tables.documentsDue.keys(ended)]) {
    removeDocument(tables, Buffer.from(due.subarray(SEQUENCE_BYTES)));
  }
}
