import { expect, it } from 'vitest';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import { latestKey } from '../../../src/storage/redis/keys.ts';
import { slotOf } from '../../../src/storage/redis/slots.ts';
import { newDevice } from '../../conformance/storage/harness.ts';
import { startRedisCluster, type TestRedis } from '../../helpers/redis.ts';
import { addressesOf } from '../../helpers/redis-store.ts';

const nodeId = async ({ client }: TestRedis): Promise<string> => String(await client.call('cluster', 'myid'));

it('a slot that moves to another node of the Cluster under writes: each of them is stored once', async () => {
  await using cluster = await startRedisCluster();
  const target = { kind: 'cluster', nodes: addressesOf(cluster.addresses) } as const;
  const storage = await openRedisStorage({ connection: { target } });
  const entry = newDevice();
  const { id } = entry.device;
  await storage.registry.createDevice(entry);
  await storage.telemetry.save({ entityId: id, ts: 0, values: { n: 0 } });

  const slot = String(slotOf(id));
  const owners = await Promise.all(cluster.nodes.map(({ client }) => client.exists(latestKey(id)).catch(() => 0)));
  const from = cluster.nodes[owners.indexOf(1)];
  const to = cluster.nodes[(owners.indexOf(1) + 1) % 3];
  if (from === undefined || to === undefined) throw new Error('no node');

  let written = 0;
  let moved = false;
  const writing = (async () => {
    while (!moved || written < 200) {
      const ts = ++written;
      await storage.telemetry.save({ entityId: id, ts, values: { n: ts } });
      await storage.attributes.save({
        entityId: id,
        scope: 'CLIENT_SCOPE',
        ts,
        values: { n: ts },
        onlyOnChange: false,
      });
    }
  })();
  await to.client.call('cluster', 'setslot', slot, 'importing', await nodeId(from));
  await from.client.call('cluster', 'setslot', slot, 'migrating', await nodeId(to));
  for (;;) {
    const keys = (await from.client.call('cluster', 'getkeysinslot', slot, '2')) as string[];
    if (keys.length === 0) break;
    await from.client.call('migrate', to.host, String(to.port), '', '0', '5000', 'KEYS', ...keys);
  }
  for (const { client } of [to, from]) await client.call('cluster', 'setslot', slot, 'node', await nodeId(to));
  moved = true;
  await writing;

  expect(await to.client.exists(latestKey(id))).toBe(1);
  const series = await storage.telemetry.range({
    entityId: id,
    keys: ['n'],
    startTs: 0,
    endTs: written + 1,
    limit: 10_000,
    order: 'ASC',
  });
  expect(series.get('n')?.map(({ value }) => Number(value))).toEqual(Array.from({ length: written + 1 }, (_, n) => n));
  expect((await storage.attributes.read(id, 'CLIENT_SCOPE')).get('n')?.ts).toBe(written);
  await storage.close();
}, 60_000);
