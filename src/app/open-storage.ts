import type { Log } from '../observe/index.ts';
import { openEmbeddedStorage } from '../storage/embedded/index.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';
import type { Storage } from '../storage/storage.ts';

export interface StoreOptions {
  readonly dataDir: string;
  /** Flush to disk before acknowledging; Redis has settings of its own for that. */
  readonly sync: boolean;
  /** Present: the store is that Redis, and the data directory holds keys and work files only. */
  readonly redis?: RedisConnectionOptions;
}

/** Opens the store of the configuration. What speaks to Redis is loaded only where there is one. */
export async function openStorage({ dataDir, sync, redis }: StoreOptions, log: Log): Promise<Storage> {
  if (redis === undefined) return openEmbeddedStorage({ dataDir, log, sync });
  const { openRedisStorage } = await import('../storage/redis/index.ts');
  return openRedisStorage({ connection: redis, log });
}
