import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOrMakeKeyFile } from '../../src/app/key-file.ts';

describe('key files', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gridmoor-key-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is made once, for its owner only, and then read', () => {
    const path = join(folder, 'admin.key');
    const first = readOrMakeKeyFile(path, 'gm-');
    expect([first.made, first.key.reveal()]).toEqual([true, expect.stringMatching(/^gm-[\w-]{43}$/)]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = readOrMakeKeyFile(path, 'gm-');
    expect([again.made, again.key.reveal()]).toEqual([false, first.key.reveal()]);
  });

  it('one that cannot be written says why', () => {
    const make = () => readOrMakeKeyFile(join(folder, 'none', 'admin.key'), '');
    const refusal = { code: 'FILE_INVALID', message: expect.stringMatching(/admin\.key.*ENOENT|ENOENT.*admin\.key/) };
    expect(make).toThrow(expect.objectContaining(refusal));
  });
});
