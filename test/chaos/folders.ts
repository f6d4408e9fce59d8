import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The shipped chains and profiles, copied to be broken. */
export interface Folders extends Disposable {
  /** For the start of a broker that reads them. */
  readonly options: { readonly chainsDir: string; readonly profilesDir: string };
  readonly chain: string;
  readonly table: string;
  readonly profile: string;
}

export function copyFolders(): Folders {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-files-'));
  const options = { chainsDir: join(dir, 'chains'), profilesDir: join(dir, 'profiles') };
  cpSync(join(root, 'rule-chains'), options.chainsDir, { recursive: true });
  cpSync(join(root, 'device-profiles'), options.profilesDir, { recursive: true });
  return {
    options,
    chain: join(options.chainsDir, 'onboarding.json'),
    table: join(options.chainsDir, 'lookups', 'distributors.json'),
    profile: join(options.profilesDir, 'smart-meter.json'),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
