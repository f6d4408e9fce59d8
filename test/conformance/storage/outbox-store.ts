import { describe, expect, it } from 'vitest';
import { benchFor, type MakeStore } from './harness.ts';

export function outboxConformance(name: string, make: MakeStore): void {
  describe(`${name}: outbox`, () => {
    const bench = benchFor(make);
    const put = (id: string, text = `of ${id}`) => bench.storage.outbox.put({ id, bytes: Buffer.from(text) });
    const ids = async (after?: string, limit = 10) =>
      (await bench.storage.outbox.list(after, limit)).map(({ id }) => id);

    it('gives items back by id, byte by byte, also after a reopen, until they are removed', async () => {
      const bytes = Buffer.from([0, 255, 13, 10, 0x80]);
      await bench.storage.outbox.put({ id: 'b~2', bytes });
      await put('b~1');
      await put('a~9');
      await bench.reopen();
      expect(await ids()).toEqual(['a~9', 'b~1', 'b~2']);
      expect((await bench.storage.outbox.list('b~1', 1))[0]).toEqual({ id: 'b~2', bytes });
      await bench.storage.outbox.remove(['b~1', 'unknown', 'a~9']);
      expect(await ids()).toEqual(['b~2']);
      await bench.storage.outbox.remove([]);
      expect(await ids()).toEqual(['b~2']);
    });

    it('goes on behind an id, whether it is still there or not', async () => {
      for (const id of ['a', 'b', 'c', 'd']) await put(id);
      expect(await ids(undefined, 2)).toEqual(['a', 'b']);
      await bench.storage.outbox.remove(['b']);
      expect(await ids('b', 2)).toEqual(['c', 'd']);
      expect(await ids('d')).toEqual([]);
      expect(await ids('')).toEqual(['a', 'c', 'd']);
    });

    it('keeps the first of two items with one id', async () => {
      await put('a', 'first');
      await put('a', 'first');
      expect(await bench.storage.outbox.list(undefined, 5)).toEqual([{ id: 'a', bytes: Buffer.from('first') }]);
    });
  });
}
