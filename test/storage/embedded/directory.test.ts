import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BrokerError } from '../../../src/errors.ts';
import { checkDataFile } from '../../../src/storage/embedded/data-file.ts';
import { openEnvironment } from '../../../src/storage/embedded/environment.ts';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { textKey } from '../../../src/storage/embedded/keys.ts';
import { register } from '../../conformance/storage/harness.ts';
import { canMount, mountSmallDisk, remountReadOnly } from './mount.ts';

describe('embedded store: data directory', () => {
  let dataDir = '';
  let data = '';
  beforeEach(() => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'gridmoor-dir-')), 'data');
    data = join(dataDir, 'store', 'data.mdb');
  });
  afterEach(() => {
    rmSync(join(dataDir, '..'), { recursive: true, force: true });
  });
  const open = () => openEmbeddedStorage({ dataDir, sync: false });

  it('a pipe in the place of a file is refused by name: who opens one waits for ever', async () => {
    await filled(1);
    const journal = join(dataDir, 'store', 'journal');
    rmSync(journal);
    execFileSync('mkfifo', [journal]);
    await expect(open()).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(journal) });
  });

  /** A store of some size, closed. */
  async function filled(devices = 50): Promise<void> {
    const storage = await open();
    for (let i = 0; i < devices; i++) {
      const deviceId = await register(storage);
      await storage.telemetry.save({ entityId: deviceId, ts: i, values: { a: i, fill: 'x'.repeat(i * 100) } });
    }
    await storage.close();
  }

  async function refusal(): Promise<BrokerError> {
    return open().then(
      async (storage) => {
        await storage.close();
        throw new Error('it was opened');
      },
      (error: BrokerError) => error,
    );
  }

  it('is made 0700 with files of 0600, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const storage = await open();
      await register(storage);
      const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
      expect([mode(dataDir), mode(join(dataDir, 'store'))]).toEqual(['700', '700']);
      const files = readdirSync(join(dataDir, 'store'));
      expect(files.filter((name) => !name.startsWith('.lock-')).sort()).toEqual([
        'data.mdb',
        'format.json',
        'journal',
        'lock.mdb',
      ]);
      for (const name of files) expect(`${name} ${mode(join(dataDir, 'store', name))}`).toBe(`${name} 600`);
      await storage.close();
    } finally {
      process.umask(before);
    }
  });

  it('whose files came back with wider rights, as from a backup, gets them narrowed', async () => {
    await filled(1);
    chmodSync(data, 0o644);
    chmodSync(join(dataDir, 'store'), 0o755);
    await (await open()).close();
    expect([statSync(data).mode & 0o777, statSync(join(dataDir, 'store')).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  it('of another format is refused with STORE_VERSION that names both, told by the note or by the data', async () => {
    await filled(1);
    const note = join(dataDir, 'store', 'format.json');
    writeFileSync(note, '{"format":7}\n');
    expect(await refusal()).toMatchObject({ code: 'STORE_VERSION', facts: { found: '7', supported: 1 } });
    rmSync(note);
    const environment = openEnvironment(join(dataDir, 'store'), false);
    await environment.transaction(() => environment.tables.meta.put(textKey('format'), Buffer.from('8')));
    await environment.close();
    expect(await refusal()).toMatchObject({ code: 'STORE_VERSION', facts: { found: '8', supported: 1 } });
    expect(existsSync(note)).toBe(false);
  });

  it('whose data file is cut, empty, missing, foreign or overwritten is refused with file, problem and repair', async () => {
    await filled();
    const whole = readFileSync(data);
    const pages = whole.length / 4096;
    const damages: Record<string, () => void> = {
      empty: () => truncateSync(data, 0),
      missing: () => rmSync(data),
      'one byte': () => truncateSync(data, 1),
      'half a header': () => truncateSync(data, 100),
      'one page': () => truncateSync(data, 4096),
      'half of it': () => truncateSync(data, (pages >> 1) * 4096),
      text: () => writeFileSync(data, 'not a database\n'.repeat(5000)),
      zeros: () => writeFileSync(data, Buffer.alloc(whole.length)),
      'the first page': () => writeFileSync(data, Buffer.concat([Buffer.alloc(4096, 7), whole.subarray(4096)])),
      'pages in the wrong order': () => {
        const at = (page: number): Buffer => whole.subarray(page * 4096, (page + 1) * 4096);
        const numbers = Array.from({ length: pages }, (_, page) => page);
        const leaves = numbers.filter((page) => page > 1 && at(page).readUInt16LE(18) === 2);
        const moved = new Map(leaves.map((page, i) => [page, leaves[(i + 1) % leaves.length] ?? page]));
        writeFileSync(data, Buffer.concat(numbers.map((page) => at(moved.get(page) ?? page))));
      },
      'the middle': () =>
        writeFileSync(
          data,
          Buffer.concat([whole.subarray(0, 12 * 4096), Buffer.alloc(whole.length - 12 * 4096, 0xa5)]),
        ),
    };
    for (const [name, damage] of Object.entries(damages)) {
      writeFileSync(data, whole);
      damage();
      const error = await refusal();
      expect([name, error.code, error.facts.file]).toEqual([name, 'STORE_CORRUPT', data]);
      expect(error.message).toContain('put back a copy of it');
      expect(error.message).toContain('move it away');
      expect(error.facts.problem).toMatch(/it |page /);
    }
    writeFileSync(data, whole);
    await (await open()).close();
  });

  it('is refused when the note about its format is damaged', async () => {
    await filled(1);
    writeFileSync(join(dataDir, 'store', 'format.json'), '{"for');
    expect(await refusal()).toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('of which only the first file was made opens as a new one', async () => {
    mkdirSync(join(dataDir, 'store'), { recursive: true });
    writeFileSync(data, '');
    const storage = await open();
    expect(await storage.registry.deviceCount()).toBe(0);
    await storage.close();
  });

  it('that is a file is refused with its name', async () => {
    mkdirSync(join(dataDir, '..'), { recursive: true });
    writeFileSync(dataDir, 'a file');
    expect(await refusal()).toMatchObject({ code: 'STORE_UNAVAILABLE', facts: { directory: dataDir } });
  });

  it('every page of a whole file is found in order', async () => {
    await filled();
    expect(() => checkDataFile(data, Number.POSITIVE_INFINITY)).not.toThrow();
  });

  it('moved elsewhere opens there', async () => {
    await filled(3);
    const former = dataDir;
    dataDir = join(dataDir, '..', 'elsewhere');
    renameSync(former, dataDir);
    const storage = await open();
    expect(await storage.registry.deviceCount()).toBe(3);
    await storage.close();
  });

  it.skipIf(!canMount())('on a read-only disk is refused and the error says so (needs root to mount)', async () => {
    const unmount = mountSmallDisk(dataDir, 1);
    try {
      remountReadOnly(dataDir);
      const error = await refusal();
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', facts: { directory: dataDir, reason: 'EROFS' } });
      expect(error.message).toContain('cannot be written');
    } finally {
      unmount();
    }
  });
});
