import { describe, expect, it } from 'vitest';
import type { DocumentChange } from '../../../src/storage/document-store.ts';
import { benchFor, type MakeStore } from './harness.ts';

export function documentConformance(name: string, make: MakeStore): void {
  describe(`${name}: documents`, () => {
    const bench = benchFor(make);
    const write = (change: Partial<DocumentChange>, now = 1_000) =>
      bench.storage.documents.write([{ kind: 'serials', key: 'a', text: 'x', ...change }], now);
    const get = (key = 'a', now = 1_000) => bench.storage.documents.get('serials', key, now);
    const keys = async (query: { prefix?: string; after?: string; limit?: number; now?: number } = {}) => {
      const found = await bench.storage.documents.list('serials', { limit: 10, now: 1_000, ...query });
      return found.map(({ key }) => key);
    };

    it('are given back as they were written, each version counted, also after a reopen', async () => {
      const text = `{"a":"ü\\u0000","n":12345678901234567890}\n ${'x'.repeat(5_000)}`;
      expect(await write({ text })).toBe(true);
      await bench.reopen();
      expect(await get()).toEqual({ key: 'a', version: 1, text });
      await write({ text: '', expiresAt: 5_000 });
      expect(await get()).toEqual({ key: 'a', version: 2, text: '', expiresAt: 5_000 });
      await write({ text: ' 12 3 ' });
      expect(await get()).toEqual({ key: 'a', version: 3, text: ' 12 3 ' });
      expect(await get('b')).toBeUndefined();
      expect(await bench.storage.documents.get('trees', 'a', 1_000)).toBeUndefined();
    });

    it('are written all together or not at all, by the versions that stand', async () => {
      expect(await write({ expected: 0 })).toBe(true);
      expect(await write({ expected: 0, text: 'y' })).toBe(false);
      const both = (expected: number) =>
        bench.storage.documents.write(
          [
            { kind: 'trees', key: 'new', text: 'n' },
            { kind: 'serials', key: 'a', text: 'z', expected },
          ],
          1_000,
        );
      expect(await both(2)).toBe(false);
      expect(await bench.storage.documents.get('trees', 'new', 1_000)).toBeUndefined();
      expect(await both(1)).toBe(true);
      expect(await get()).toMatchObject({ version: 2, text: 'z' });
      expect(await bench.storage.documents.get('trees', 'new', 1_000)).toMatchObject({ version: 1 });
    });

    it('are removed, with or without an expected version; a new one begins at version 1', async () => {
      await write({});
      expect(await bench.storage.documents.write([{ kind: 'serials', key: 'a', expected: 7 }], 1_000)).toBe(false);
      expect(await bench.storage.documents.write([{ kind: 'serials', key: 'a', expected: 1 }], 1_000)).toBe(true);
      expect(await bench.storage.documents.write([{ kind: 'serials', key: 'a' }], 1_000)).toBe(true);
      expect(await get()).toBeUndefined();
      expect(await keys()).toEqual([]);
      await write({ expected: 0 });
      expect(await get()).toMatchObject({ version: 1 });
    });

    it('of many who want a place at the same time, one gets it', async () => {
      const won = await Promise.all(
        Array.from({ length: 50 }, (_, n) => write({ key: 'nonce', text: `of ${n}`, expected: 0 })),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await get('nonce'))?.text).toBe(`of ${won.indexOf(true)}`);
    });

    it('that have expired are as if they were not there, and go with later writes', async () => {
      for (let n = 0; n < 30; n++) await write({ key: `n${n}`, expiresAt: 2_000 + n });
      await write({ key: 'stays' });
      expect(await get('n0', 1_999)).toMatchObject({ expiresAt: 2_000 });
      expect(await get('n0', 2_000)).toBeUndefined();
      expect(await keys({ now: 2_029, limit: 3 })).toEqual(['stays']);
      expect(await write({ key: 'n0', expected: 0, text: 'again' }, 2_000)).toBe(true);
      for (let n = 0; n < 3; n++) await write({ key: 'stays' }, 9_000);
      expect(await bench.storage.documents.count('serials')).toBe(2);
      expect(await keys({ now: 0 })).toEqual(['n0', 'stays']);
    });

    it('that are written anew without an end stay', async () => {
      await write({ expiresAt: 2_000 });
      await write({});
      await write({ key: 'b' }, 3_000);
      expect(await get('a', 3_000)).toEqual({ key: 'a', version: 2, text: 'x' });
    });

    it('are listed by the bytes of their keys, by prefix, page by page', async () => {
      for (const key of ['b/2', 'a', 'b/10', 'b', 'b/é', 'c', 'B']) await write({ key });
      await bench.storage.documents.write([{ kind: 'serials-x', key: 'b/0', text: '' }], 1_000);
      expect(await keys()).toEqual(['B', 'a', 'b', 'b/10', 'b/2', 'b/é', 'c']);
      expect(await keys({ prefix: 'b/' })).toEqual(['b/10', 'b/2', 'b/é']);
      expect(await keys({ prefix: 'b/', after: 'b/11', limit: 1 })).toEqual(['b/2']);
      expect(await keys({ prefix: 'b/', after: 'a' })).toEqual(['b/10', 'b/2', 'b/é']);
      expect(await keys({ after: 'b/é' })).toEqual(['c']);
      expect(await keys({ limit: 0 })).toEqual([]);
      expect(await bench.storage.documents.count('serials', 'b/')).toBe(3);
      expect(await bench.storage.documents.count('serials')).toBe(7);
    });

    it('with names that no document may have are refused by name', async () => {
      for (const key of ['a\0b', 'a\nb', 'x'.repeat(501)]) {
        await expect(write({ key })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
      }
    });
  });
}
