import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BrokerError } from '../../errors.ts';
import { checkDataFile } from './data-file.ts';
import { lockDirectory } from './lock.ts';
import { corruptFile, FORMAT, versionError } from './problems.ts';

export const DATA_FILE = 'data.mdb';
/** Below the data directory. */
export const STORE_FOLDER = 'store';
/** Where the data file of a data directory stands. */
export const storeFile = (dataDir: string): string => join(dataDir, STORE_FOLDER, DATA_FILE);
const LOCK_FILE = 'lock.mdb';
export const JOURNAL_FILE = 'journal';
const FORMAT_FILE = 'format.json';
/** A disk with less room than this counts as full. */
const FULL_BYTES = 1024 * 1024;

/** The store's own directory, locked for this process and checked as far as its files show it. */
export interface StoreDirectory {
  readonly path: string;
  /** What is durable, but not yet in the data file. */
  readonly journal: string;
  /** Notes beside the data which format they have, once they exist. */
  markFormat(): void;
  release(): void;
}

export async function openDirectory(dataDir: string): Promise<StoreDirectory> {
  const path = join(dataDir, STORE_FOLDER);
  const journal = join(path, JOURNAL_FILE);
  writable(dataDir, () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    chmodSync(path, 0o700);
  });
  const lock = await lockDirectory(path).catch((error: unknown) => {
    throw error instanceof BrokerError ? error : notWritable(dataDir, error);
  });
  try {
    const marked = readFormat(path);
    if (marked !== undefined && marked !== FORMAT) throw versionError(path, marked);
    const data = join(path, DATA_FILE);
    const size = statSync(data, { throwIfNoEntry: false })?.size ?? 0;
    if (size > 0) checkDataFile(data);
    else if (marked !== undefined) throw corruptFile(data, existsSync(data) ? 'it is empty' : 'it is missing');
    // Made here so that they have the right mode from the first moment, whatever the umask.
    writable(dataDir, () => [data, journal, join(path, LOCK_FILE)].forEach(makePrivate));
  } catch (error) {
    lock.release();
    throw error;
  }
  return {
    path,
    journal,
    markFormat: () => markFormat(path),
    release: () => lock.release(),
  };
}

export function markFormat(folder: string): void {
  const file = join(folder, FORMAT_FILE);
  if (existsSync(file)) return;
  writeFileSync(`${file}.new`, `${JSON.stringify({ format: FORMAT })}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

/** LMDB reports a write that was cut short by a full disk as an I/O error: the disk itself is asked. */
export function diskProblem(directory: string): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < FULL_BYTES ? 'No space left on the disk of the data directory' : undefined;
  } catch {
    return undefined;
  }
}

function makePrivate(file: string): void {
  // What is not one, as a pipe, may keep who opens it waiting for ever.
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw corruptFile(file, 'it is not a regular file');
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

function readFormat(path: string): unknown {
  const file = join(path, FORMAT_FILE);
  if (!existsSync(file)) return undefined;
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown }).format ?? 'none';
  } catch {
    throw corruptFile(file, 'it is not the JSON that was written');
  }
}

function writable(dataDir: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw notWritable(dataDir, error);
  }
}

function notWritable(dataDir: string, error: unknown): BrokerError {
  const reason = (error as NodeJS.ErrnoException).code ?? String(error);
  const detail = 'The data directory cannot be written: check its owner, its mode and that its disk is not read-only.';
  return new BrokerError('STORE_UNAVAILABLE', { detail, directory: dataDir, reason }, { cause: error });
}
