import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerError } from '../errors.ts';
import { openConnection, type RedisConnectionOptions } from '../storage/redis/connection.ts';
import { KEYS } from '../storage/redis/keys.ts';
import { snapshotRedis } from '../storage/redis/snapshot.ts';
import { type BackupCopy, copyOf, removeFolder } from './backup.ts';
import { KEY_CHECK } from './instance-key.ts';

const TIMEOUT_MS = 5_000;

/** The backup of a standalone Redis, also while brokers use it: as it was at one moment. `workDir` must have room for it. */
export async function* backupRedis(connection: RedisConnectionOptions, workDir = tmpdir()): AsyncGenerator<Buffer> {
  const keyCheck = await keyCheckIn(connection);
  const folder = mkdtempSync(join(workDir, 'gridmoor-backup-'));
  let copy: BackupCopy | undefined;
  try {
    const file = join(folder, 'dump.rdb');
    await snapshotRedis(connection, file);
    copy = await copyOf('redis', file, folder, keyCheck);
    yield* copy.pieces();
  } finally {
    removeFolder(folder);
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
