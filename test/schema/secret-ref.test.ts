import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveSecretRef } from '../../src/schema/secret-ref.ts';

describe('resolveSecretRef', () => {
  const reveal = (resolved: ReturnType<typeof resolveSecretRef>) =>
    resolved.kind === 'known' ? resolved.secret.reveal() : resolved;

  it('reads the environment, or the file that <NAME>_FILE names, and does not choose between the two', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gridmoor-secret-'));
    writeFileSync(join(folder, 'secret'), 'of a file\n');
    const at = (env: Record<string, string>) => reveal(resolveSecretRef({ env: 'KEY' }, { file: 'x.json', env }));
    expect(at({ KEY: 'of the environment', KEY_FILE: '' })).toBe('of the environment');
    expect(at({ KEY: 'of the environment', KEY_FILE: join(folder, 'secret') })).toEqual({
      kind: 'unreadable',
      problem: 'KEY and KEY_FILE are both set in the environment: unset one of them',
    });
    expect(at({ KEY_FILE: join(folder, 'secret') })).toBe('of a file');
    expect(at({ KEY: '' })).toEqual({ kind: 'unset', variable: 'KEY' });
  });

  it('finds a file from the folder of the file that names it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gridmoor-secret-'));
    mkdirSync(join(folder, 'keys'));
    writeFileSync(join(folder, 'keys', 'a'), 'inside');
    const from = (file: string) => reveal(resolveSecretRef({ file }, { file: join(folder, 'chain.json'), env: {} }));
    expect(from('keys/a')).toBe('inside');
    expect(from('keys/b')).toEqual({ kind: 'unreadable', problem: 'the secret file keys/b cannot be read: ENOENT' });
  });

  it('takes a text as it stands', () => {
    expect(reveal(resolveSecretRef('in clear', { file: 'x.json', env: {} }))).toBe('in clear');
  });
});
