import { afterAll, beforeAll } from 'vitest';
import { openRedisStorage } from '../../src/storage/redis/index.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { assetConformance } from './storage/asset-store.ts';
import { attachmentConformance } from './storage/attachment-store.ts';
import { attributeConformance } from './storage/attribute-store.ts';
import { connectivityConformance } from './storage/connectivity-store.ts';
import { credentialsConformance } from './storage/credentials.ts';
import { customerConformance } from './storage/customer-store.ts';
import { entityDataConformance } from './storage/entity-data.ts';
import type { MakeStore } from './storage/harness.ts';
import { recordConformance } from './storage/record-stores.ts';
import { registryConformance } from './storage/registry-store.ts';
import { wholeStorageConformance } from './storage/storage.ts';
import { supplierConformance } from './storage/supplier-store.ts';
import { telemetryConformance } from './storage/telemetry-store.ts';
import { userConformance } from './storage/user-store.ts';

let redis: TestRedis | undefined;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.[Symbol.asyncDispose]());

const make: MakeStore = async (options = {}) => {
  if (redis === undefined) throw new Error('no Redis');
  const { host, port, client } = redis;
  await client.flushall();
  const open = async () =>
    (await openRedisStorage({ connection: { target: { kind: 'standalone', host, port } }, ...options })) as Storage;
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

for (const suite of [
  wholeStorageConformance,
  registryConformance,
  telemetryConformance,
  attributeConformance,
  entityDataConformance,
  credentialsConformance,
  assetConformance,
  supplierConformance,
  attachmentConformance,
  recordConformance,
  connectivityConformance,
  customerConformance,
  userConformance,
])
  suite('redis', make);
