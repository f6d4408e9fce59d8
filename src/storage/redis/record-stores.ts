import { BrokerError } from '../../errors.ts';
import type { ApiKey, ApiKeyStore, AuditEntry, AuditStore, SettingStore } from '../record-stores.ts';
import type { Commits, Draft } from './commit.ts';
import { isId, KEYS, newId } from './keys.ts';
import type { Queue } from './queue.ts';
import { jsonOf, pageAt } from './records.ts';

/** One audit line within a step. @param max lines that are kept; the oldest go first. */
export function appendAudit(draft: Draft, entry: AuditEntry, max: number): void {
  draft.write('lpush', KEYS.audit, JSON.stringify(entry));
  draft.write('ltrim', KEYS.audit, 0, max - 1);
}

export function createAuditStore(queue: Queue, commits: Commits, max: number): AuditStore {
  return {
    append: (entry) => commits.run('audit', async (draft) => appendAudit(draft, entry, max)),
    async list({ page, pageSize }) {
      const first = page * pageSize;
      const [total, lines] = await Promise.all([
        queue.send('llen', [KEYS.audit]) as Promise<number>,
        pageSize > 0 ? (queue.send('lrange', [KEYS.audit, first, first + pageSize - 1]) as Promise<string[]>) : [],
      ]);
      return pageAt(
        lines.map((line) => jsonOf<AuditEntry>(line)),
        total,
        { page, pageSize },
      );
    },
  };
}

export function createApiKeyStore(queue: Queue, commits: Commits): ApiKeyStore {
  return {
    create: (key) =>
      commits.run(key.id, async (draft) => {
        const id = newId(key.id);
        const standing = [draft.field(KEYS.apiKeys, id), draft.field(KEYS.apiKeysByHash, key.hash)];
        if ((await Promise.all(standing)).some((one) => one !== undefined)) throw new BrokerError('CREDENTIALS_TAKEN');
        draft.write('hset', KEYS.apiKeys, id, JSON.stringify(key));
        draft.write('hset', KEYS.apiKeysByHash, key.hash, id);
      }),
    async byHash(hash) {
      const id = (await queue.send('hget', [KEYS.apiKeysByHash, hash])) as string | null;
      const text = id === null ? null : ((await queue.send('hget', [KEYS.apiKeys, id])) as string | null);
      return text === null ? undefined : jsonOf<ApiKey>(text);
    },
    async list() {
      const all = (await queue.send('hvals', [KEYS.apiKeys])) as readonly string[];
      return all.map((text) => jsonOf<ApiKey>(text)).sort((a, b) => a.createdAt - b.createdAt);
    },
    async revoke(id) {
      if (!isId(id)) return false;
      return commits.run(id, async (draft) => {
        const key = await draft.record<ApiKey>(KEYS.apiKeys, id);
        if (key === undefined) return false;
        draft.write('hdel', KEYS.apiKeysByHash, key.hash);
        draft.write('hdel', KEYS.apiKeys, id);
        return true;
      });
    },
  };
}

export function createSettingStore(queue: Queue, commits: Commits): SettingStore {
  const subject = (name: string): string => `setting ${name}`;
  return {
    get: async (name) => ((await queue.send('hget', [KEYS.settings, name])) as string | null) ?? undefined,
    put: (name, value) =>
      commits.run(subject(name), async (draft) => draft.write('hset', KEYS.settings, name, value), value.length),
    putIfAbsent: (name, value) =>
      commits.run(
        subject(name),
        async (draft) => {
          const standing = await draft.field(KEYS.settings, name);
          if (standing !== undefined) return standing;
          draft.write('hset', KEYS.settings, name, value);
          return value;
        },
        value.length,
      ),
    remove: (name) => commits.run(subject(name), async (draft) => draft.write('hdel', KEYS.settings, name)),
  };
}
