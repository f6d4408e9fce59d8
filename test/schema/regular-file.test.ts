import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRegularFile } from '../../src/schema/regular-file.ts';

describe('readRegularFile', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gridmoor-file-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives the bytes of a file of just the allowed size', () => {
    const path = join(folder, 'exact');
    writeFileSync(path, 'x'.repeat(70_000));
    const read = readRegularFile(path, 70_000);
    expect(read.ok && read.bytes.length).toBe(70_000);
    expect(readRegularFile(path, 69_999)).toMatchObject({ ok: false, problem: 'is larger than 69999 bytes' });
  });

  it('refuses a huge file without reading it', () => {
    const path = join(folder, 'huge');
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
    expect(readRegularFile(path, 1_000)).toMatchObject({ ok: false, problem: 'is larger than 1000 bytes' });
  });

  it('names a device, a folder and a missing file', () => {
    expect(readRegularFile('/dev/zero', 10)).toEqual({ ok: false, problem: 'is not a regular file', missing: false });
    expect(readRegularFile(folder, 10)).toEqual({ ok: false, problem: 'is not a regular file', missing: false });
    expect(readRegularFile(join(folder, 'gone'), 10)).toEqual({ ok: false, problem: 'does not exist', missing: true });
  });
});
