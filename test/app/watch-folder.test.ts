import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { watchFolder } from '../../src/app/watch-folder.ts';
import { createLog } from '../../src/observe/index.ts';

/** A folder, and the changes of it that are heard. */
function watched() {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-watch-'));
  mkdirSync(join(dir, 'lookups'));
  let heard = 0;
  const watch = watchFolder(dir, () => heard++, createLog({ level: 'silent' }));
  return {
    dir,
    /** Makes a change and waits until it is heard. */
    async change(what: () => void): Promise<void> {
      const before = heard;
      what();
      await expect.poll(() => heard, { timeout: 10_000, interval: 5 }).toBeGreaterThan(before);
    },
    [Symbol.dispose]() {
      watch.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** From elsewhere, so that the folder sees one event alone. */
const spare = join(mkdtempSync(join(tmpdir(), 'gridmoor-watch-')), 'spare');
const replace = (path: string, text: string): void => {
  writeFileSync(spare, text);
  renameSync(spare, path);
};

describe('a watched folder', () => {
  it.each(['main.json', 'lookups/table.json'])('hears of %s each time it is replaced by a rename', async (name) => {
    using folder = watched();
    const path = join(folder.dir, name);
    writeFileSync(path, '0');
    for (let round = 0; round < 20; round++) await folder.change(() => replace(path, String(round)));
  });

  it('hears of files that are written in place, and that go', async () => {
    using folder = watched();
    const path = join(folder.dir, 'main.json');
    await folder.change(() => writeFileSync(path, '0'));
    await folder.change(() => writeFileSync(path, '1'));
    await folder.change(() => rmSync(path));
  });

  it('hears of what is in a folder that is new, linked, or replaced', async () => {
    using folder = watched();
    const below = join(folder.dir, 'new');
    await folder.change(() => mkdirSync(below));
    await folder.change(() => writeFileSync(join(below, 'a.json'), '0'));
    await folder.change(() => rmSync(below, { recursive: true }));
    const elsewhere = mkdtempSync(join(tmpdir(), 'gridmoor-watch-'));
    await folder.change(() => symlinkSync(elsewhere, below));
    await folder.change(() => writeFileSync(join(elsewhere, 'b.json'), '0'));
  });

  it('hears of a folder that was away', async () => {
    using folder = watched();
    await folder.change(() => rmSync(folder.dir, { recursive: true }));
    await folder.change(() => mkdirSync(folder.dir));
    await folder.change(() => writeFileSync(join(folder.dir, 'main.json'), '0'));
  });
});
