import { type DocumentStore, documentPlace, type StoredDocument } from '../document-store.ts';
import { corrupt } from '../stored-json.ts';
import type { Word } from './connection.ts';
import { KEYS } from './keys.ts';
import type { Queue } from './queue.ts';
import { loadStep } from './scripts.ts';

const WRITE = loadStep('write-documents');
/** How long Redis remembers that documents were written: longer than a repeat of the step can come, ms. */
const KEEP_MS = 15_000;

/** One hash and its order; a field holds version, end and text, with a space between. */
export function createDocumentStore(queue: Queue): DocumentStore {
  return {
    async get(kind, key, now) {
      const packed = (await queue.send('hget', [KEYS.documents, documentPlace(kind, key)])) as string | null;
      return packed === null ? undefined : thereAt(now, unpackDocument(key, packed));
    },
    async list(kind, { prefix = '', after, limit, now }) {
      for (let from = startOf(kind, prefix, after); limit > 0; ) {
        const words = [KEYS.documentOrder, from, upTo(kind, prefix), 'LIMIT', 0, limit];
        const members = (await queue.send('zrangebylex', words)) as readonly string[];
        if (members.length === 0) break;
        const packed = (await queue.send('hmget', [KEYS.documents, ...members])) as readonly (string | null)[];
        const found = members.flatMap((member, at) => {
          const text = packed[at];
          const document = typeof text === 'string' ? unpackDocument(member.slice(kind.length + 1), text) : undefined;
          return document && thereAt(now, document) ? [document] : [];
        });
        if (found.length > 0 || members.length < limit) return found;
        from = `(${members.at(-1)}`;
      }
      return [];
    },
    count: async (kind, prefix = '') =>
      (await queue.send('zlexcount', [KEYS.documentOrder, startOf(kind, prefix), upTo(kind, prefix)])) as number,
    async write(changes, now) {
      if (changes.length === 0) return true;
      const args: Word[] = [KEEP_MS, now];
      let bytes = 0;
      for (const { kind, key, text, expiresAt, expected } of changes) {
        args.push(documentPlace(kind, key), expected ?? '', expiresAt ?? '', text === undefined ? 'remove' : 'put');
        args.push(text ?? '');
        bytes += text?.length ?? 0;
      }
      const keys = [KEYS.documents, KEYS.documentOrder, KEYS.documentsDue];
      return queue.write(bytes, async () => (await queue.step(WRITE, keys, args)) === 'done');
    },
  };
}

function startOf(kind: string, prefix: string, after?: string): string {
  const first = documentPlace(kind, prefix);
  if (after === undefined) return `[${first}`;
  const behind = documentPlace(kind, after);
  return Buffer.from(behind).compare(Buffer.from(first)) < 0 ? `[${first}` : `(${behind}`;
}

/** Behind all that begin with the prefix: no UTF-8 text has a character above this one. */
const upTo = (kind: string, prefix: string): string => `(${documentPlace(kind, prefix)}\u{10ffff}`;

const thereAt = (now: number, document: StoredDocument): StoredDocument | undefined =>
  document.expiresAt === undefined || document.expiresAt > now ? document : undefined;

/** A document as its field has it. */
export function unpackDocument(key: string, packed: string): StoredDocument {
  const [, version, end, text] = /^(\d+) (\d*) (.*)$/s.exec(packed) ?? [];
  if (version === undefined || text === undefined) throw corrupt('a document has no version');
  return { key, version: Number(version), text, ...(end ? { expiresAt: Number(end) } : {}) };
}

export const packDocument = ({ version, text, expiresAt }: StoredDocument): string =>
  `${version} ${expiresAt ?? ''} ${text}`;
