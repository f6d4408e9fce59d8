import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import type { Secret } from '../model/secret.ts';
import { installStore } from '../storage/embedded/backup.ts';
import { STORE_FOLDER } from '../storage/embedded/directory.ts';
import { openEmbeddedStorage } from '../storage/embedded/index.ts';
import { type BackupHeader, MAX_HEADER_BYTES, openKey, parseBackupHeader } from './backup-file.ts';
import { INSTANCE_KEY_FILE } from './key-file.ts';

const PIECE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
/** In the data directory, where Redis looks for it. */
export const RDB_FILE = 'dump.rdb';

export interface RestoreOptions {
  readonly file: string;
  /** Must be empty, or not be there. */
  readonly dataDir: string;
  /** Opens the instance key of the backup, which then goes to the data directory too. */
  readonly passphrase?: Secret;
  /** Hears of the bytes written. */
  readonly onProgress?: (written: number, total: number) => void;
}

export interface Restored {
  readonly header: BackupHeader;
  /** Of own files; Redis counts when it has read its file. */
  readonly devices?: number;
  /** Whether the instance key was restored too. */
  readonly key: boolean;
}

/** Makes a data directory of a backup, or a directory for Redis of one of Redis. Throws BrokerError; nothing of the new store is then left. */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { dataDir, passphrase } = options;
  const entries = existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name !== 'lost+found') : [];
  if (entries.length > 0) {
    const detail = `${dataDir} is not empty: restore into a new directory, and give that one to the broker`;
    throw new BrokerError('BAD_REQUEST', { detail });
  }
  const handle = await openFile(options.file);
  try {
    const { header, at } = await readHeader(handle);
    const instanceKey = passphrase && (await openKey(header, passphrase));
    if (passphrase && !instanceKey)
      throw new BrokerError('BAD_REQUEST', { detail: 'the backup holds no instance key' });
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const made = header.store === 'redis' ? join(dataDir, RDB_FILE) : join(dataDir, STORE_FOLDER);
    try {
      const copy = (data: string): Promise<void> => copyData(handle, at, data, header, options);
      if (header.store === 'redis') await copy(made);
      else await installStore(dataDir, copy);
      const devices = header.store === 'redis' ? undefined : await countDevices(dataDir);
      if (instanceKey) writeKey(join(dataDir, INSTANCE_KEY_FILE), instanceKey);
      return { header, ...(devices === undefined ? {} : { devices }), key: instanceKey !== undefined };
    } catch (error) {
      rmSync(made, { recursive: true, force: true });
      throw error;
    }
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, 'r');
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new BrokerError('FILE_INVALID', { file, detail: 'it is no file' });
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const detail = `it cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new BrokerError('FILE_INVALID', { file, detail }, { cause: error });
  }
}

async function readHeader(handle: FileHandle): Promise<{ readonly header: BackupHeader; readonly at: number }> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_HEADER_BYTES), 0, MAX_HEADER_BYTES, 0);
  const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
  // Without a line end the whole piece is read as one, which then tells what is wrong.
  return { header: parseBackupHeader(buffer.subarray(0, end < 0 ? bytesRead : end)), at: end + 1 };
}

/** The data file behind the header, byte for byte; a changed, cut or longer one is refused. */
async function copyData(
  source: FileHandle,
  start: number,
  target: string,
  { bytes, sha256 }: BackupHeader,
  { onProgress }: RestoreOptions,
): Promise<void> {
  const { size } = await source.stat();
  if (size !== start + bytes) {
    const detail = `the backup has ${size - start} bytes of data and should have ${bytes}: it was cut short or changed`;
    throw new BrokerError('FILE_INVALID', { detail });
  }
  const hash = createHash('sha256');
  const sink = await open(target, 'wx', 0o600);
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await source.read(piece, 0, PIECE_BYTES, start + at);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      await sink.writeFile(piece.subarray(0, bytesRead));
      at += bytesRead;
      onProgress?.(at, bytes);
    }
    await sink.sync();
  } finally {
    await sink.close();
  }
  if (hash.digest('hex') !== sha256) {
    throw new BrokerError('FILE_INVALID', {
      detail: 'the data of the backup was changed: its checksum is another one',
    });
  }
}

/** Opens what was restored, once: its format is checked, and its devices can be read. */
async function countDevices(dataDir: string): Promise<number> {
  const storage = await openEmbeddedStorage({ dataDir });
  try {
    return await storage.registry.deviceCount();
  } finally {
    await storage.close();
  }
}

function writeKey(path: string, key: Secret): void {
  writeFileSync(path, `${key.reveal()}\n`, { mode: 0o600, flag: 'wx', flush: true });
  chmodSync(path, 0o600);
}
