import { afterAll, beforeAll } from 'vitest';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { makeRedisStore } from '../helpers/redis-store.ts';
import { storageConformance } from './storage/index.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const make = makeRedisStore(() => ({
  connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } },
  flush: () => redis.client.flushall(),
}));
storageConformance('redis', make);
