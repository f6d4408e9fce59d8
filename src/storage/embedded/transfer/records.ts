import { type JsonValue, stringifyJson } from '../../../model/json.ts';
import { documentPlace, type StoredDocument } from '../../document-store.ts';
import type { GenerationRecord } from '../../generation-store.ts';
import type { ApiKey, AuditEntry } from '../../record-stores.ts';
import type { Sections } from '../../transfer.ts';
import type { User } from '../../user-store.ts';
import { putDeadLetter, unpackLetter } from '../dead-letters.ts';
import { putDocument, removeDocument } from '../document-store.ts';
import { digestKey, newIdKey, sequenceKey, textKey, textOf } from '../keys.ts';
import { AUDIT, appendAudit } from '../record-stores.ts';
import { adjustCounter, jsonOf, putJson, readCounter } from '../records.ts';
import { USERS } from '../user-store.ts';
import { entriesOf, section, type TransferParts } from './section.ts';

type Names = 'settings' | 'apiKeys' | 'users' | 'audit' | 'deadLetters' | 'generations' | 'outbox' | 'documents';

/** Records that hang on nothing else, and dead letters. */
export function recordSections(parts: TransferParts): Pick<Sections, Names> {
  const { tables } = parts.environment;
  return {
    settings: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.settings)) {
          yield { name: textOf(key), value: value.toString('utf8') };
        }
      },
      (_, { name, value }) => tables.settings.put(textKey(name), Buffer.from(value, 'utf8')),
    ),
    apiKeys: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.apiKeys)) yield jsonOf<ApiKey>(value);
      },
      (_, apiKey) => {
        const id = newIdKey(apiKey.id);
        putJson(tables.apiKeys, id, apiKey);
        tables.apiKeysByHash.put(textKey(apiKey.hash), id);
      },
    ),
    users: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.users)) yield jsonOf<User>(value);
      },
      (_, user) => {
        const id = newIdKey(user.id);
        if (!tables.users.has(id)) adjustCounter(tables.counters, USERS, 1);
        putJson(tables.users, id, user);
        tables.userNames.put(textKey(user.name), id);
      },
    ),
    audit: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.audit)) yield jsonOf<AuditEntry>(value);
      },
      (tx, entry, at) => {
        if (readCounter(tables.counters, AUDIT) <= at) appendAudit(tables, tx, entry, Number.POSITIVE_INFINITY);
      },
    ),
    deadLetters: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.deadLetters)) {
          const letter = unpackLetter(value);
          yield { id: letter.id, text: stringifyJson(letter as unknown as JsonValue) };
        }
      },
      (tx, { id, text }) => {
        if (tables.deadLetterIds.has(digestKey(id))) return;
        putDeadLetter(tables, tx, unpackLetter(Buffer.from(text, 'utf8')), Number.POSITIVE_INFINITY);
      },
    ),
    generations: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.generations)) yield jsonOf<GenerationRecord>(value);
      },
      (tx, record) => {
        for (const { value } of entriesOf(tables.generations)) {
          if (jsonOf<GenerationRecord>(value).id === record.id) return;
        }
        putJson(tables.generations, sequenceKey(tx.nextSequence()), record);
      },
    ),
    documents: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.documents)) {
          const [kind = '', name = ''] = textOf(key).split('\0');
          yield { kind, key: name, ...jsonOf<Omit<StoredDocument, 'key'>>(value) };
        }
      },
      (_, { kind, key, ...record }) => {
        const place = textKey(documentPlace(kind, key));
        removeDocument(tables, place);
        putDocument(tables, place, record);
      },
    ),
    outbox: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.outbox)) {
          yield { id: textOf(key), bytes: value.toString('base64') };
        }
      },
      (_, { id, bytes }) => tables.outbox.put(textKey(id), Buffer.from(bytes, 'base64')),
    ),
  };
}
