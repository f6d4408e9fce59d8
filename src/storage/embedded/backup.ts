import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError } from '../../errors.ts';
import { checkDataFile } from './data-file.ts';
import { DATA_FILE, markFormat, STORE_FOLDER } from './directory.ts';
import type { Environment } from './environment.ts';

/** A compacted copy, checked page by page, with the modes of a data directory. Deleted records are not in it. */
export async function copyStore(environment: Environment, dataDir: string): Promise<void> {
  const folder = join(dataDir, STORE_FOLDER);
  const data = join(folder, DATA_FILE);
  if (existsSync(data))
    throw new BrokerError('BAD_REQUEST', { detail: 'There is a store already.', directory: dataDir });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await environment.backup(folder);
  chmodSync(data, 0o600);
  checkDataFile(data, Number.POSITIVE_INFINITY);
  markFormat(folder);
}
