import { describe, expect, it } from 'vitest';
import type { GenerationRecord } from '../../../src/storage/generation-store.ts';
import { benchFor, type MakeStore } from './harness.ts';

const aGeneration = (id: string): GenerationRecord => ({
  id,
  at: 1_700_000_000_000,
  by: 'files',
  files: [
    { path: 'main.json', text: `{"name":"ñ ${id}"}\r\n` },
    { path: 'lookups/grids.json', text: '\ufeff{}' },
  ],
});

export function generationConformance(name: string, make: MakeStore): void {
  describe(`${name}: generations`, () => {
    const bench = benchFor(make);
    const generations = () => bench.storage.generations;
    const ids = async () => (await generations().list()).map(({ id }) => id);

    it('keeps files byte by byte, also after a reopen', async () => {
      await generations().put(aGeneration('a'));
      await bench.reopen();
      expect(await generations().get('a')).toEqual(aGeneration('a'));
      expect(await generations().get('b')).toBeUndefined();
    });

    it('lists the newest first, without files', async () => {
      for (const id of ['a', 'b']) await generations().put(aGeneration(id));
      expect(await generations().list()).toEqual([
        { id: 'b', at: 1_700_000_000_000, by: 'files' },
        { id: 'a', at: 1_700_000_000_000, by: 'files' },
      ]);
    });

    it('one that comes back is the newest, once', async () => {
      for (const id of ['a', 'b', 'a']) await generations().put({ ...aGeneration(id), by: id });
      expect(await ids()).toEqual(['a', 'b']);
    });

    it('the oldest go when there are too many', async () => {
      for (let index = 0; index < 25; index++) await generations().put(aGeneration(`g${index}`));
      expect(await ids()).toEqual(Array.from({ length: 20 }, (_, index) => `g${24 - index}`));
    });
  });
}
