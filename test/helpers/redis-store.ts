import { openRedisStorage, type RedisConnectionOptions } from '../../src/storage/redis/index.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { MakeStore } from '../conformance/storage/harness.ts';

/** Where a suite's Redis is, and how it is emptied. */
export interface RedisPlace {
  readonly connection: RedisConnectionOptions;
  flush(): Promise<unknown>;
}

/** A fresh Redis store for each test, in a Redis that all tests of a file share. */
export const makeRedisStore =
  (place: () => RedisPlace): MakeStore =>
  async (options = {}) => {
    const { connection, flush } = place();
    await flush();
    const open = async () => (await openRedisStorage({ connection, ...options })) as Storage;
    let storage = await open();
    return {
      storage,
      async reopen() {
        await storage.close();
        storage = await open();
        return storage;
      },
      dispose: () => storage.close(),
    };
  };

/** `host:port,host:port` as addresses. */
export const addressesOf = (text: string) =>
  text.split(',').map((word) => {
    const [host = '', port] = word.split(':');
    return { host, port: Number(port) };
  });
