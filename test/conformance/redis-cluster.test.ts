import { afterAll, beforeAll } from 'vitest';
import { startRedisCluster, type TestRedisCluster } from '../helpers/redis.ts';
import { addressesOf, makeRedisStore } from '../helpers/redis-store.ts';
import { storageConformance } from './storage/index.ts';

let cluster: TestRedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const make = makeRedisStore(() => ({
  connection: { target: { kind: 'cluster', nodes: addressesOf(cluster.addresses) } },
  flush: () => cluster.flush(),
}));
storageConformance('redis cluster of three', make);
