import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BrokerError } from '../../errors.ts';
import { checkDataFile } from './data-file.ts';
import { JOURNAL_FILE, markFormat, STORE_FOLDER, storeFile } from './directory.ts';
import type { Environment } from './environment.ts';
import { createJournalFile } from './journal.ts';

/** A compacted copy, checked page by page, with the modes of a data directory. Deleted records are not in it. */
export async function copyStore(environment: Environment, dataDir: string): Promise<void> {
  await installStore(dataDir, (file) => environment.backup(dirname(file)));
}

/**
 * Makes a store of a data file that `write` puts at the path it is given; the file is then checked page by page. Throws
 * BAD_REQUEST where there is a store already; when it fails, nothing of the new one is left.
 */
export async function installStore(dataDir: string, write: (file: string) => Promise<void>): Promise<void> {
  const data = storeFile(dataDir);
  if (existsSync(data))
    throw new BrokerError('BAD_REQUEST', { detail: 'There is a store already.', directory: dataDir });
  const folder = join(dataDir, STORE_FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    await write(data);
    chmodSync(data, 0o600);
    checkDataFile(data, Number.POSITIVE_INFINITY);
    createJournalFile(join(folder, JOURNAL_FILE));
    markFormat(folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
