import { existsSync, readdirSync, statSync } from 'node:fs';
import { BrokerError } from '../../errors.ts';
import { STORE_FOLDER, storeFile } from '../../storage/embedded/directory.ts';
import { openEmbeddedStorage } from '../../storage/embedded/index.ts';
import type { RedisConnectionOptions } from '../../storage/redis/connection.ts';
import { openRedisStorage } from '../../storage/redis/index.ts';
import type { Storage } from '../../storage/storage.ts';
import type { Sections } from '../../storage/transfer.ts';
import { appSectionsOfStore, redisAppSections } from '../../transport/mqtt/app/transfer.ts';
import { openAppRedis } from '../app-clients.ts';
import { INSTANCE_KEY_FILE } from '../key-file.ts';
import { runningBrokers } from './running-brokers.ts';

/** Where a store is. */
export type Place =
  | { readonly kind: 'directory'; readonly dataDir: string }
  | {
      readonly kind: 'redis';
      readonly connection: RedisConnectionOptions;
      /** How long a message waits for an app client, ms. */
      readonly sessionMs: number;
    };

/** In a directory that becomes a data directory. */
const MAY_STAND: readonly string[] = ['lost+found', INSTANCE_KEY_FILE, STORE_FOLDER];
/** How long a Redis has to answer, ms. */
const OPEN_MS = 5_000;

/** A store that no broker uses, with all its records. */
export interface OpenPlace {
  readonly name: string;
  readonly storage: Storage;
  readonly sections: Sections;
  /** Throws STORE_LOCKED when a broker has come meanwhile. */
  checkUnused(): Promise<void>;
  close(): Promise<void>;
}

/** What is told of a place: never a password. */
export function nameOf(place: Place): string {
  if (place.kind === 'directory') return place.dataDir;
  const { target, db = 0 } = place.connection;
  const list = (all: readonly { readonly host: string; readonly port: number }[]): string =>
    all.map(({ host, port }) => `${host}:${port}`).join();
  switch (target.kind) {
    case 'standalone':
      return `redis://${list([target])}/${db}`;
    case 'sentinel':
      return `Redis ${target.master}/${db} behind Sentinel ${list(target.sentinels)}`;
    case 'cluster':
      return `Redis Cluster ${list(target.nodes)}`;
  }
}

/** Throws NOT_FOUND when there is no store to read, STORE_LOCKED when it is in use, STORE_UNAVAILABLE when Redis is away. */
export async function openSource(place: Place): Promise<OpenPlace> {
  if (place.kind === 'directory') {
    if (existsSync(storeFile(place.dataDir))) return openDirectory(place.dataDir);
    throw new BrokerError('NOT_FOUND', { detail: `there is no store in ${place.dataDir}` });
  }
  const open = await openRedis(place);
  try {
    await open.checkUnused();
    return open;
  } catch (error) {
    await open.close();
    throw error;
  }
}

/**
 * The same for a store to write into; a directory may be new, and may hold an instance key. Undefined: `onlyLook`, and there is
 * no store yet.
 */
export async function openTarget(place: Place, onlyLook: boolean): Promise<OpenPlace | undefined> {
  if (place.kind === 'redis') return openSource(place);
  const { dataDir } = place;
  if (existsSync(storeFile(dataDir))) return openDirectory(dataDir);
  const isFolder = statSync(dataDir, { throwIfNoEntry: false })?.isDirectory();
  const others = isFolder ? readdirSync(dataDir).filter((name) => !MAY_STAND.includes(name)) : [];
  if (isFolder === false || others.length > 0) {
    throw new BrokerError('BAD_REQUEST', {
      detail: `${dataDir} is neither empty nor a data directory: name a new one`,
    });
  }
  return onlyLook ? undefined : openDirectory(dataDir);
}

async function openDirectory(dataDir: string): Promise<OpenPlace> {
  const storage = await openEmbeddedStorage({ dataDir });
  return {
    name: dataDir,
    storage,
    sections: { ...storage.transfer.sections, ...appSectionsOfStore(storage.transfer.sections) },
    // The lock of the directory keeps every broker away.
    checkUnused: async () => undefined,
    close: () => storage.close(),
  };
}

/** Also while brokers use it. */
export async function openRedis(place: Place & { readonly kind: 'redis' }): Promise<OpenPlace> {
  const { connection, sessionMs } = place;
  const name = nameOf(place);
  const storage = await openRedisStorage({ connection, openTimeoutMs: OPEN_MS });
  try {
    const { close, ...where } = await openAppRedis(connection);
    const apps = await redisAppSections({ ...where, sessionMs }).catch((error: unknown) => {
      close();
      throw error;
    });
    return {
      name,
      storage,
      sections: { ...storage.transfer.sections, ...apps },
      async checkUnused() {
        const running = await runningBrokers(connection);
        if (running.length === 0) return;
        const detail = `${name} is in use by ${running.join(', ')}: stop all brokers first`;
        throw new BrokerError('STORE_LOCKED', { detail });
      },
      async close() {
        close();
        await storage.close();
      },
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}
