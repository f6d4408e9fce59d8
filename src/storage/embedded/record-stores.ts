import { BrokerError } from '../../errors.ts';
import type { ApiKey, ApiKeyStore, AuditEntry, AuditStore, DeadLetterStore, SettingStore } from '../record-stores.ts';
import type { Committer } from './committer.ts';
import { DEAD_LETTERS, dropDeadLetter, findDeadLetters, putDeadLetter, unpackLetter } from './dead-letters.ts';
import type { Environment, Span, Tables } from './environment.ts';
import { digestKey, idKey, newIdKey, sequenceKey, textKey } from './keys.ts';
import { adjustCounter, getJson, jsonOf, pageOf, putJson, readCounter, removeRange } from './records.ts';
import type { Tx } from './sequence.ts';

/** Name of the counter. */
export const AUDIT = 'audit';
/** Everything that is keyed by a sequence, newest first. */
const NEWEST_FIRST: Span = { from: sequenceKey(0), to: Buffer.alloc(7, 0xff), reverse: true };
const OLDEST_FIRST: Span = { from: sequenceKey(0), to: Buffer.alloc(7, 0xff) };

/** One audit line within a transaction. @param max entries that are kept; the oldest go first. */
export function appendAudit({ audit, counters }: Tables, tx: Tx, entry: AuditEntry, max: number): void {
  putJson(audit, sequenceKey(tx.nextSequence()), entry);
  adjustCounter(counters, AUDIT, 1);
  const surplus = readCounter(counters, AUDIT) - max;
  if (surplus > 0) adjustCounter(counters, AUDIT, -removeRange(audit, OLDEST_FIRST, surplus));
}

/** @param max entries that are kept. */
export function createAuditStore({ tables }: Environment, committer: Committer, max: number): AuditStore {
  const { audit, counters } = tables;
  return {
    append: (entry) => committer.run((tx) => appendAudit(tables, tx, entry, max)),
    async list({ page, pageSize }) {
      const total = readCounter(counters, AUDIT);
      return pageOf(audit, NEWEST_FIRST, { page, pageSize, total, toItem: (_, value) => jsonOf<AuditEntry>(value) });
    },
  };
}

export function createDeadLetterStore({ tables }: Environment, committer: Committer, max: number): DeadLetterStore {
  const { counters, deadLetterIds, deadLetters } = tables;
  return {
    put: (letter) => committer.run((tx) => putDeadLetter(tables, tx, letter, max)),
    async get(id) {
      const at = deadLetterIds.get(digestKey(id));
      const bytes = at && deadLetters.get(at);
      return bytes && unpackLetter(bytes);
    },
    async list(query) {
      const { page, pageSize, ...rest } = query;
      if (Object.values(rest).some((part) => part !== undefined)) return findDeadLetters(tables, query);
      const total = readCounter(counters, DEAD_LETTERS);
      return pageOf(deadLetters, NEWEST_FIRST, { page, pageSize, total, toItem: (_, value) => unpackLetter(value) });
    },
    remove: (id) => committer.run(() => dropDeadLetter(tables, id)),
  };
}

export function createApiKeyStore(
  { tables: { apiKeys, apiKeysByHash } }: Environment,
  committer: Committer,
): ApiKeyStore {
  return {
    create: (key) =>
      committer.run(() => {
        const id = newIdKey(key.id);
        if (apiKeys.has(id) || apiKeysByHash.has(textKey(key.hash))) throw new BrokerError('CREDENTIALS_TAKEN');
        putJson(apiKeys, id, key);
        apiKeysByHash.put(textKey(key.hash), id);
      }),
    async byHash(hash) {
      const id = apiKeysByHash.get(textKey(hash));
      return id && getJson<ApiKey>(apiKeys, id);
    },
    async list() {
      const all = [...apiKeys.entries({ from: Buffer.from([0]), to: Buffer.alloc(17, 0xff) })];
      return all.map(({ value }) => jsonOf<ApiKey>(value)).sort((a, b) => a.createdAt - b.createdAt);
    },
    async revoke(id) {
      const at = idKey(id);
      if (at === undefined) return false;
      return committer.run(() => {
        const key = getJson<ApiKey>(apiKeys, at);
        if (key === undefined) return false;
        apiKeysByHash.remove(textKey(key.hash));
        return apiKeys.remove(at);
      });
    },
  };
}

export function createSettingStore({ tables: { settings } }: Environment, committer: Committer): SettingStore {
  const read = (name: string): string | undefined => settings.get(textKey(name))?.toString('utf8');
  const write = (name: string, value: string): void => settings.put(textKey(name), Buffer.from(value, 'utf8'));
  return {
    get: async (name) => read(name),
    put: (name, value) => committer.run(() => write(name, value)),
    putIfAbsent: (name, value) =>
      committer.run(() => {
        const standing = read(name);
        if (standing !== undefined) return standing;
        write(name, value);
        return value;
      }),
    remove: (name) => committer.run(() => void settings.remove(textKey(name))),
  };
}
