import { describe, expect, it } from 'vitest';
import { TENANT } from '../../../src/model/entity.ts';
import { type ApiKeyId, newApiKeyId } from '../../../src/model/ids.ts';
import { parseJson, stringifyJson } from '../../../src/model/json.ts';
import type { ApiKey, DeadLetter, DeadLetterFilter, DeadLetterQuery } from '../../../src/storage/record-stores.ts';
import { benchFor, type MakeStore, register } from './harness.ts';

export function recordConformance(name: string, make: MakeStore): void {
  describe(`${name}: audit, dead letters, API keys, settings`, () => {
    const bench = benchFor(make, { maxDeadLetters: 5 });
    const device = async () => ({ entityType: 'DEVICE', id: await register(bench.storage) }) as const;
    const letter = async (id: string, change: Partial<DeadLetter> = {}): Promise<DeadLetter> => ({
      id,
      at: 1,
      originator: change.originator ?? (await device()),
      originatorName: 'd',
      retries: 0,
      sealed: 'text',
      chain: 'root',
      node: 'save',
      reason: 'NODE_FAILED',
      msgType: 'POST_TELEMETRY_REQUEST',
      metadata: { ts: '1' },
      data: { a: 1 },
      ...change,
    });

    it('audit lists the newest first, in pages, also after a reopen', async () => {
      for (let i = 0; i < 5; i++) {
        await bench.storage.audit.append({
          at: 100 - i,
          action: `a${i}`,
          by: 'me',
          subject: 's',
          outcome: 'ok',
          facts: { i },
        });
      }
      await bench.reopen();
      const first = await bench.storage.audit.list({ page: 0, pageSize: 3 });
      expect(first.data.map(({ action }) => action)).toEqual(['a4', 'a3', 'a2']);
      expect([first.totalElements, first.hasNext]).toEqual([5, true]);
      expect(first.data[0]).toEqual({ at: 96, action: 'a4', by: 'me', subject: 's', outcome: 'ok', facts: { i: 4 } });
      const second = await bench.storage.audit.list({ page: 1, pageSize: 3 });
      expect([second.data.map(({ action }) => action), second.hasNext]).toEqual([['a1', 'a0'], false]);
    });

    it('a dead letter comes back as it was, with the exact text of its numbers, until it is removed', async () => {
      const parsed = parseJson('{"energy":9007199254740993,"x":42.0}', { maxDepth: 9 });
      const sent = await letter('m-1', { data: parsed.ok ? parsed.value : null });
      await bench.storage.deadLetters.put(sent);
      const stored = await bench.storage.deadLetters.get('m-1');
      expect(stored).toEqual(sent);
      expect(stringifyJson(stored?.data ?? null)).toBe('{"energy":9007199254740993,"x":42.0}');
      expect(await bench.storage.deadLetters.remove('m-1')).toBe(true);
      expect(await bench.storage.deadLetters.remove('m-1')).toBe(false);
      expect(await bench.storage.deadLetters.get('m-1')).toBeUndefined();
    });

    it('dead letters are listed newest first and the oldest go when there are too many', async () => {
      const originator = await device();
      const forgotten: number[] = [];
      for (let i = 0; i < 8; i++) {
        forgotten.push(await bench.storage.deadLetters.put(await letter(`m-${i}`, { originator })));
      }
      expect(forgotten).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
      expect(await bench.storage.deadLetters.put(await letter('m-7', { originator }))).toBe(0);
      const page = await bench.storage.deadLetters.list({ page: 0, pageSize: 3 });
      expect(page.data.map(({ id }) => id)).toEqual(['m-7', 'm-6', 'm-5']);
      expect([page.totalElements, page.hasNext]).toEqual([5, true]);
      expect(await bench.storage.deadLetters.get('m-2')).toBeUndefined();
      expect((await bench.storage.deadLetters.get('m-3'))?.id).toBe('m-3');
    });

    it('a dead letter of the same id takes the place of the first', async () => {
      const originator = await device();
      await bench.storage.deadLetters.put(await letter('one', { originator }));
      await bench.storage.deadLetters.put(await letter('one', { originator, reason: 'again', retries: 1 }));
      expect((await bench.storage.deadLetters.list({ page: 0, pageSize: 9 })).totalElements).toBe(1);
      expect((await bench.storage.deadLetters.get('one'))?.reason).toBe('again');
    });

    it('dead letters are found by chain, node, originator and part of the reason, joined by and, in pages', async () => {
      const [a, b] = [await device(), await device()];
      const { deadLetters } = bench.storage;
      await deadLetters.put(await letter('1', { originator: a, chain: 'x', node: 'n', reason: 'TIMEOUT: late' }));
      await deadLetters.put(await letter('2', { originator: a, chain: 'x', node: 'm', reason: 'gone' }));
      await deadLetters.put(await letter('3', { originator: b, chain: 'y', node: 'n', reason: 'timeout' }));
      await deadLetters.put(await letter('4', { originator: TENANT, chain: 'x', node: 'n', reason: 'other' }));
      const ids = async (filter: DeadLetterFilter, page = { page: 0, pageSize: 10 }) =>
        (await deadLetters.list({ ...filter, ...page })).data.map(({ id }) => id);
      expect(await ids({ chain: 'x' })).toEqual(['4', '2', '1']);
      expect(await ids({ node: 'n' })).toEqual(['4', '3', '1']);
      expect(await ids({ originator: a })).toEqual(['2', '1']);
      expect(await ids({ originator: TENANT })).toEqual(['4']);
      expect(await ids({ originator: { entityType: 'DEVICE', id: 'none' } })).toEqual([]);
      expect(await ids({ reason: 'timeout' })).toEqual(['3', '1']);
      expect(await ids({ chain: 'x', node: 'n', originator: a, reason: 'late' })).toEqual(['1']);
      expect(await ids({ chain: 'X' })).toEqual([]);
      const page = await deadLetters.list({ chain: 'x', page: 1, pageSize: 2 });
      expect([page.data.map(({ id }) => id), page.totalElements, page.hasNext]).toEqual([['1'], 3, false]);
    });

    it('dead letters are found from the oldest on, up to a time that those of a clock that was ahead are not behind', async () => {
      const originator = await device();
      const { deadLetters } = bench.storage;
      for (const [id, at] of Object.entries({ a: 10, b: 900, c: 20, d: 30, e: 40 })) {
        await deadLetters.put(await letter(id, { originator, at }));
      }
      const ids = async (query: Partial<DeadLetterQuery>) =>
        (await deadLetters.list({ page: 0, pageSize: 9, ...query })).data.map(({ id }) => id);
      expect(await ids({ oldestFirst: true })).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(await ids({ oldestFirst: true, originator, page: 1, pageSize: 2 })).toEqual(['c', 'd']);
      expect(await ids({ until: 30 })).toEqual(['d', 'c', 'a']);
      expect(await ids({ until: 30, now: 100 })).toEqual(['d', 'c', 'b', 'a']);
      expect(await ids({ until: 30, now: 100, oldestFirst: true, originator })).toEqual(['a', 'b', 'c', 'd']);
    });

    it('API keys are found by hash, listed by creation and gone when revoked', async () => {
      const key = (createdAt: number, hash: string): ApiKey => ({
        id: newApiKeyId(createdAt),
        name: hash,
        role: 'operator',
        hash,
        createdAt,
        ...(hash === 'b' ? { expiresAt: 99 } : {}),
      });
      const [a, b] = [key(2, 'a'), key(1, 'b')];
      await bench.storage.apiKeys.create(a);
      await bench.storage.apiKeys.create(b);
      expect(await bench.storage.apiKeys.byHash('b')).toEqual(b);
      expect(await bench.storage.apiKeys.list()).toEqual([b, a]);
      await expect(bench.storage.apiKeys.create({ ...key(3, 'a') })).rejects.toMatchObject({
        code: 'CREDENTIALS_TAKEN',
      });
      expect(await bench.storage.apiKeys.revoke(b.id)).toBe(true);
      expect(await bench.storage.apiKeys.revoke(b.id)).toBe(false);
      expect(await bench.storage.apiKeys.revoke('nothing' as ApiKeyId)).toBe(false);
      expect(await bench.storage.apiKeys.byHash('b')).toBeUndefined();
      expect(await bench.storage.apiKeys.list()).toEqual([a]);
    });

    it('of many that put a setting if absent, all get the value of one', async () => {
      const values = await Promise.all(
        Array.from({ length: 20 }, (_, i) => bench.storage.settings.putIfAbsent('secret', `v${i}`)),
      );
      expect(new Set(values).size).toBe(1);
      expect(await bench.storage.settings.get('secret')).toBe(values[0]);
      await bench.storage.settings.put('secret', '');
      await bench.reopen();
      expect(await bench.storage.settings.get('secret')).toBe('');
      expect(await bench.storage.settings.get('none')).toBeUndefined();
      for (const name of ['secret', 'none']) await bench.storage.settings.remove(name);
      expect(await bench.storage.settings.get('secret')).toBeUndefined();
    });
  });
}
