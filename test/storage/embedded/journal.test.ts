import fs, { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HEADER_BYTES, type Journal, openJournal, readJournal } from '../../../src/storage/embedded/journal.ts';

describe('journal of the embedded store', () => {
  const id = Buffer.alloc(16, 1);
  let directory = '';
  let file = '';
  let journal: Journal;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gridmoor-journal-'));
    file = join(directory, 'journal');
    journal = openJournal(file, { id, sync: true });
  });
  afterEach(() => {
    journal.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const frameOf = (text: string) => Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(text)]);
  const append = (text: string, sequence: number) => journal.append(frameOf(text), sequence);
  const read = (mark = { id, sequence: 0 }) => {
    const { records, damaged } = readJournal(file, mark);
    return { found: records.map(({ sequence, items }) => `${sequence} ${items.toString()}`), damaged };
  };
  /** Records begin at multiples of 4,096 bytes. */
  const overwrite = (at: number, bytes: Buffer) => {
    const fd = openSync(file, 'r+');
    writeSync(fd, bytes, 0, bytes.length, at);
    closeSync(fd);
  };

  it('gives back what stands behind the mark, in order, of its own id only', async () => {
    for (const [sequence, text] of [
      [1, 'a'],
      [2, 'b'.repeat(5000)],
      [5, 'c'],
      [6, ''],
    ] as const)
      await append(text, sequence);
    expect(read()).toEqual({ found: ['1 a', `2 ${'b'.repeat(5000)}`, '5 c', '6 '], damaged: 0 });
    expect(read({ id, sequence: 2 })).toEqual({ found: ['5 c', '6 '], damaged: 0 });
    expect(read({ id, sequence: 6 })).toEqual({ found: [], damaged: 0 });
    expect(read({ id: Buffer.alloc(16, 2), sequence: 0 })).toEqual({ found: [], damaged: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('a last record that was cut off is none; one before it that cannot be read is told', async () => {
    for (const [sequence, text] of [
      [1, 'a'],
      [2, 'b'.repeat(5000)],
      [3, 'c'.repeat(5000)],
    ] as const)
      await append(text, sequence);
    overwrite(3 * 4096 + 4096, Buffer.alloc(4096));
    expect(read()).toEqual({ found: ['1 a', `2 ${'b'.repeat(5000)}`], damaged: 0 });
    overwrite(HEADER_BYTES, Buffer.from('x'));
    expect(read()).toEqual({ found: [`2 ${'b'.repeat(5000)}`], damaged: 1 });
    overwrite(4096 + 24, Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(read()).toEqual({ found: [], damaged: 0 });
  });

  it('what a device sent is no record, whatever it looks like', async () => {
    const forged = Buffer.alloc(4096 - HEADER_BYTES + 200, 0x20);
    const inner = openJournal(join(directory, 'other'), { id: Buffer.alloc(16, 9), sync: false });
    const frame = frameOf('forged');
    await inner.append(frame, 7);
    inner.close();
    frame.copy(forged, 4096 - HEADER_BYTES);
    await append(forged.toString('latin1'), 1);
    expect(read().found).toHaveLength(1);
  });

  it('is a ring: no room before earlier records are released, then from the beginning again, and nothing live is harmed', async () => {
    const text = 'x'.repeat(16_000);
    let last = 0;
    while (last < 1000) {
      const written = append(`${last + 1}${text}`, last + 1);
      if (written === undefined) break;
      await written;
      last++;
    }
    expect(last).toBe(128);
    expect(read().found).toHaveLength(128);
    journal.release(3);
    for (const sequence of [129, 130, 131]) await append(`${sequence}${text}`, sequence);
    expect(append('more', 132)).toBeUndefined();
    expect(read({ id, sequence: 3 }).found.map((line) => line.split(' ')[0])).toEqual(
      Array.from({ length: 128 }, (_, i) => String(i + 4)),
    );
    journal.release(131);
    await append('y', 132);
    expect(read({ id, sequence: 131 }).found).toEqual(['132 y']);
  });

  it('tells when records that are not released take more than half of its room, also where they begin anew', async () => {
    const text = 'x'.repeat(16_000);
    let last = 0;
    const fill = async (records: number) => {
      for (const end = last + records; last < end; last++) await append(text, last + 1);
    };
    const isHalfFullAfter = async (records: number) => {
      await fill(records);
      return journal.isHalfFull();
    };
    expect([journal.isHalfFull(), await isHalfFullAfter(64), await isHalfFullAfter(1)]).toEqual([false, false, true]);
    journal.release(64);
    expect(journal.isHalfFull()).toBe(false);
    await fill(40);
    journal.release(100);
    // Live: 101 to 105, then up to the end of the file, and 36 from its beginning on.
    expect([await isHalfFullAfter(59), await isHalfFullAfter(1)]).toEqual([false, true]);
  });

  it('reads its own room only, whatever stands behind it, and says whether all of that is there', async () => {
    await append('a', 1);
    truncateSync(file, 3 * 1024 ** 3);
    expect(readJournal(file, { id, sequence: 0 })).toMatchObject({
      records: [{ sequence: 1 }],
      damaged: 0,
      whole: true,
    });
    truncateSync(file, 8192);
    expect(readJournal(file, { id, sequence: 0 })).toMatchObject({ records: [{ sequence: 1 }], whole: false });
    rmSync(file);
    mkdirSync(file);
    const refusal = { code: 'STORE_CORRUPT', message: expect.stringContaining(file) };
    expect(() => readJournal(file, { id, sequence: 0 })).toThrow(expect.objectContaining(refusal));
  });

  it('reads on where the system gives less than was asked for', async () => {
    for (const sequence of [1, 2, 3]) await append('x'.repeat(5000), sequence);
    const { readSync } = fs;
    const short = vi
      .spyOn(fs, 'readSync')
      .mockImplementation(((fd: number, to: Buffer, at: number, n: number, from: number) =>
        readSync(fd, to, at, Math.min(n, 6000), from)) as typeof readSync);
    syncBuiltinESMExports();
    try {
      const { records, whole } = readJournal(file, { id, sequence: 0 });
      expect([records.map(({ sequence }) => sequence), whole]).toEqual([[1, 2, 3], true]);
      expect(short.mock.calls.length).toBeGreaterThan(300);
    } finally {
      short.mockRestore();
      syncBuiltinESMExports();
    }
  });

  it('a file that is missing, empty or of another kind holds nothing', () => {
    expect(readJournal(join(directory, 'none'), { id, sequence: 0 })).toEqual({
      records: [],
      damaged: 0,
      whole: false,
    });
    overwrite(0, Buffer.alloc(8192, 0xee));
    expect(read()).toEqual({ found: [], damaged: 0 });
  });
});
