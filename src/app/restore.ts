import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import type { Secret } from '../model/secret.ts';
import { installStore } from '../storage/embedded/backup.ts';
import { STORE_FOLDER } from '../storage/embedded/directory.ts';
import { openEmbeddedStorage } from '../storage/embedded/index.ts';
import { type BackupHeader, openKey } from './backup-file.ts';
import { checkData, readBackup } from './backup-reader.ts';
import { INSTANCE_KEY_FILE } from './key-file.ts';
import type { Place } from './transfer/place.ts';
import { restoreRecords } from './transfer/restore-records.ts';

/** In the data directory, where Redis looks for it. */
export const RDB_FILE = 'dump.rdb';

export interface RestoreOptions {
  readonly file: string;
  /** Must be empty, or not be there. */
  readonly dataDir: string;
  /** Of records only: into this Redis, which must be empty; `dataDir` then has nothing to do with it. */
  readonly redis?: Place & { readonly kind: 'redis' };
  /** Opens the instance key of the backup, which then goes to the data directory too. */
  readonly passphrase?: Secret;
  /** Hears of the bytes written. */
  readonly onProgress?: (written: number, total: number) => void;
  /** The same of records. */
  readonly onRecords?: (section: string, records: number) => void;
}

export interface Restored {
  readonly header: BackupHeader;
  /** Of own files; Redis counts when it has read its file. */
  readonly devices?: number;
  /** Of records: those that rest on something that was deleted while the backup was made. */
  readonly leftOut?: number;
  /** Whether the instance key was restored too. */
  readonly key: boolean;
}

/** Makes a data directory of a backup, or a directory for Redis of one of Redis. Throws BrokerError; nothing of the new store is then left. */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { dataDir, passphrase } = options;
  const { header: first } = await readBackup(options.file, async ({ header }) => ({ header }));
  if (first.store === 'records') return restoreRecordsOf(options);
  if (options.redis) {
    const detail = `this is a copy of ${first.store === 'redis' ? 'a whole Redis' : 'a data directory'}: restore it with --data-dir`;
    throw new BrokerError('BAD_REQUEST', { detail });
  }
  const entries = existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name !== 'lost+found') : [];
  if (entries.length > 0) {
    const detail = `${dataDir} is not empty: restore into a new directory, and give that one to the broker`;
    throw new BrokerError('BAD_REQUEST', { detail });
  }
  return readBackup(options.file, async ({ handle, header, at }) => {
    const instanceKey = await keyOf(header, passphrase);
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
  });
}

async function keyOf(header: BackupHeader, passphrase: Secret | undefined): Promise<Secret | undefined> {
  const instanceKey = passphrase && (await openKey(header, passphrase));
  if (passphrase && !instanceKey) throw new BrokerError('BAD_REQUEST', { detail: 'the backup holds no instance key' });
  return instanceKey;
}

/** Into a data directory, or a Redis. What a try has left that was cut short is marked, and finished by the next one. */
async function restoreRecordsOf({ file, dataDir, redis, passphrase, onRecords }: RestoreOptions): Promise<Restored> {
  return readBackup(file, async ({ handle, header, at }) => {
    const instanceKey = await keyOf(header, passphrase);
    await checkData(handle, at, header);
    const to: Place = redis ?? { kind: 'directory', dataDir };
    const { sha256, createdTime: asOf } = header;
    const progress = onRecords ? { onProgress: onRecords } : {};
    const done = await restoreRecords({ file, start: at, sha256, asOf, to, ...progress });
    if (instanceKey && !redis) writeKey(join(dataDir, INSTANCE_KEY_FILE), instanceKey);
    return { header, ...done, key: instanceKey !== undefined && !redis };
  });
}

/** The data file behind the header, byte for byte; a changed, cut or longer one is refused. */
async function copyData(
  source: FileHandle,
  start: number,
  target: string,
  header: BackupHeader,
  { onProgress }: RestoreOptions,
): Promise<void> {
  const sink = await open(target, 'wx', 0o600);
  try {
    await checkData(source, start, header, async (piece, done) => {
      await sink.writeFile(piece);
      onProgress?.(done, header.bytes);
    });
    await sink.sync();
  } finally {
    await sink.close();
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
