import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import { openConnection, type RedisConnectionOptions } from '../storage/redis/connection.ts';
import { KEYS } from '../storage/redis/keys.ts';
import { snapshotRedis } from '../storage/redis/snapshot.ts';
import { type BackupCopy, copyOf, removeFolder } from './backup.ts';
import { KEY_CHECK } from './instance-key.ts';
import { openRedis } from './transfer/place.ts';
import { writeRecords } from './transfer/record-file.ts';
import { refuseUnfinished } from './transfer/unfinished.ts';

const TIMEOUT_MS = 5_000;

export interface RedisBackup {
  readonly connection: RedisConnectionOptions;
  /** How long a message waits for an app client, ms. */
  readonly sessionMs: number;
  /** Record by record, for any store; always of Sentinel and of a Cluster. */
  readonly records: boolean;
  /** Must have room for it. */
  readonly workDir?: string;
}

/** The backup of a Redis, also while brokers use it. Not of records: as it was at one moment. */
export async function* backupRedis(options: RedisBackup): AsyncGenerator<Buffer> {
  const { connection, records, workDir = tmpdir() } = options;
  const keyCheck = await keyCheckIn(connection);
  const folder = mkdtempSync(join(workDir, 'gridmoor-backup-'));
  let copy: BackupCopy | undefined;
  try {
    const asRecords = records || connection.target.kind !== 'standalone';
    const startedAt = Date.now();
    const file = join(folder, 'data');
    if (asRecords) await saveRecords(options, file);
    else await snapshotRedis(connection, file);
    copy = await copyOf(asRecords ? 'records' : 'redis', file, folder, keyCheck, startedAt);
    yield* copy.pieces();
  } finally {
    removeFolder(folder);
  }
}

async function saveRecords({ connection, sessionMs }: RedisBackup, file: string): Promise<void> {
  const place = await openRedis({ kind: 'redis', connection, sessionMs });
  try {
    await refuseUnfinished(place.storage);
    await writeRecords(place.sections, file);
  } finally {
    await place.close();
  }
}

/** Reads the one setting without opening a store, which would make one in a Redis that has none. */
async function keyCheckIn(options: RedisConnectionOptions): Promise<string> {
  const connection = openConnection(options);
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = (): void => reject(new Error(connection.trouble ?? `no answer within ${TIMEOUT_MS} ms`));
      timer = setTimeout(late, TIMEOUT_MS);
      connection.onChange(() => connection.ready && resolve());
    });
    const found = await connection.send('hget', [KEYS.settings, KEY_CHECK]);
    if (typeof found === 'string') return found;
  } catch (error) {
    const detail = `Redis does not answer: ${error instanceof Error ? error.message : String(error)}`;
    throw new BrokerError('STORE_UNAVAILABLE', { detail }, { cause: error });
  } finally {
    clearTimeout(timer);
    connection.close();
  }
  throw new BrokerError('NOT_FOUND', { detail: 'there is no store of gridmoor in this Redis' });
}
