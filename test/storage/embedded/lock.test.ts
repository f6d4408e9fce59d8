import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { lockDirectory } from '../../../src/storage/embedded/lock.ts';
import { buildChild, type ChildProgram } from './spawn-child.ts';

const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';

describe('embedded store: one process per data directory', () => {
  let program: ChildProgram;
  let dataDir = '';
  beforeAll(async () => {
    program = await buildChild();
  });
  afterAll(async () => {
    await program.dispose();
  });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-lock-'));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  const locks = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith('.lock-'));

  it('a second process is refused with STORE_LOCKED within a second, the first one is not disturbed', async () => {
    const storage = await openEmbeddedStorage({ dataDir });
    await expect(openEmbeddedStorage({ dataDir })).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      facts: { directory: join(dataDir, 'store'), pid: process.pid },
    });
    const child = program.start('hold', dataDir);
    expect(await child.heard('refused')).toEqual({ refused: 'STORE_LOCKED' });
    await storage.settings.put('a', 'b');
    const start = performance.now();
    await expect(openEmbeddedStorage({ dataDir })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    expect(performance.now() - start).toBeLessThan(1000);
    await storage.close();
    await (await openEmbeddedStorage({ dataDir })).close();
    expect(locks(join(dataDir, 'store'))).toEqual([]);
  });

  it('a process that was killed holds nothing', async () => {
    const child = program.start('hold', dataDir);
    await child.heard('open');
    await expect(openEmbeddedStorage({ dataDir })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await child.kill();
    const storage = await openEmbeddedStorage({ dataDir });
    expect(locks(join(dataDir, 'store'))).toHaveLength(1);
    await storage.close();
  });

  it('of processes that start at once, never two hold it', async () => {
    const children = Array.from({ length: 4 }, () => program.start('hold', dataDir));
    await Promise.all(children.map((child) => child.lines(1)));
    const holders = children.filter(({ said }) => said[0]?.open === true);
    expect(holders.length).toBeLessThanOrEqual(1);
    for (const child of children) await child.kill();
    await (await openEmbeddedStorage({ dataDir })).close();
  });

  it('a reused process id is told from the owner by its start time', async () => {
    writeFileSync(join(dataDir, `.lock-${process.pid}-1-${namespace}-1`), '');
    const lock = await lockDirectory(dataDir);
    expect(locks(dataDir)).toHaveLength(1);
    lock.release();
    expect(locks(dataDir)).toEqual([]);
  });

  it('an owner in another container counts as long as it touches its file', async () => {
    const file = join(dataDir, '.lock-1-5-77-1');
    writeFileSync(file, '');
    let touched = 0;
    const beat = setInterval(() => utimesSync(file, ++touched, touched), 100);
    try {
      await expect(lockDirectory(dataDir)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    } finally {
      clearInterval(beat);
    }
    (await lockDirectory(dataDir)).release();
  }, 20_000);

  it('a lock that is given back can be taken at once, also after a failed opening', async () => {
    mkdirSync(join(dataDir, 'store'));
    writeFileSync(join(dataDir, 'store', 'data.mdb'), 'nonsense');
    await expect(openEmbeddedStorage({ dataDir })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(locks(join(dataDir, 'store'))).toEqual([]);
  });
});
