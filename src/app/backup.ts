import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import { storeFile } from '../storage/embedded/directory.ts';
import { openEmbeddedStorage } from '../storage/embedded/index.ts';
import type { Storage } from '../storage/storage.ts';
import { type BackupHeader, formatBackupHeader } from './backup-file.ts';
import { storedKeyCheck } from './instance-key.ts';
import { version } from './version.ts';

const PREFIX = '.backup-';

export interface BackupCopy {
  /** The backup's bytes, header first. */
  pieces(): AsyncGenerator<Buffer>;
  /** Removes the copy; must be called. */
  dispose(): void;
}

/**
 * Copies the store as it is now, also while it is in use. The copy stands in `workDir`, where there must be room for it.
 * Only one at a time for a `workDir`.
 */
export async function makeBackup(storage: Storage, workDir: string): Promise<BackupCopy> {
  if (storage.backup === undefined) {
    throw new BrokerError('NOT_OFFERED', {
      detail: 'the store is in Redis: gridmoor backup --redis, or the tools of Redis',
    });
  }
  // What a process that was killed in the middle of a backup has left.
  for (const name of readdirSync(workDir)) if (name.startsWith(PREFIX)) removeFolder(join(workDir, name));
  const folder = mkdtempSync(join(workDir, PREFIX));
  try {
    await storage.backup(folder);
    return await copyOf('embedded', storeFile(folder), folder, await storedKeyCheck(storage));
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

/** The backup that a file of data becomes; it and its folder go when it is disposed of. */
export async function copyOf(
  store: BackupHeader['store'],
  file: string,
  folder: string,
  keyCheck: string | undefined,
  createdTime: number = Date.now(),
): Promise<BackupCopy> {
  const header: BackupHeader = {
    gridmoor: 'backup',
    format: 1,
    store,
    version: version(),
    createdTime,
    bytes: statSync(file).size,
    sha256: await sha256Of(file),
    ...(keyCheck === undefined ? {} : { keyCheck }),
  };
  return { pieces: () => bytesOf(header, file), dispose: () => removeFolder(folder) };
}

/** The backup of a data directory that no instance uses. Throws STORE_LOCKED when one does. */
export async function* backupDirectory(dataDir: string): AsyncGenerator<Buffer> {
  if (!existsSync(storeFile(dataDir))) {
    throw new BrokerError('NOT_FOUND', { detail: 'there is no store in this data directory', directory: dataDir });
  }
  const storage = await openEmbeddedStorage({ dataDir });
  try {
    const copy = await makeBackup(storage, dataDir);
    try {
      yield* copy.pieces();
    } finally {
      copy.dispose();
    }
  } finally {
    await storage.close();
  }
}

async function* bytesOf(header: BackupHeader, file: string): AsyncGenerator<Buffer> {
  yield formatBackupHeader(header);
  yield* createReadStream(file);
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
