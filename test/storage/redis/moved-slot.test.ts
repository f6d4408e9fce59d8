import { describe, expect, it, vi } from 'vitest';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import { newDevice, register } from '../../conformance/storage/harness.ts';
import { startRedisCluster, type TestRedis } from '../../helpers/redis.ts';
import { addressesOf } from '../../helpers/redis-store.ts';

/** Keys that move at a time: in between the slot is on both nodes. */
const STEP = 1;
const MOVE_MS = 5_000;

/** Moves a slot with all its keys to another master, as `redis-cli --cluster reshard` does. */
async function move(masters: readonly TestRedis[], slot: number): Promise<void> {
  const ids = await Promise.all(masters.map(async ({ client }) => String(await client.call('cluster', 'myid'))));
  const ranges = (await masters[0]?.client.call('cluster', 'slots')) as [number, number, [string, number, string]][];
  const owner = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][2] ?? '';
  const from = ids.indexOf(owner);
  const to = (from + 1) % masters.length;
  const [source, target] = [masters[from], masters[to]];
  const [sourceId, targetId] = [ids[from], ids[to]];
  if (!source || !target || !sourceId || !targetId) throw new Error(`nobody has slot ${slot}`);
  await target.client.call('cluster', 'setslot', slot, 'importing', sourceId);
  await source.client.call('cluster', 'setslot', slot, 'migrating', targetId);
  for (;;) {
    const keys = (await source.client.call('cluster', 'getkeysinslot', slot, STEP)) as string[];
    if (keys.length === 0) break;
    await source.client.call('migrate', target.host, target.port, '', 0, MOVE_MS, 'KEYS', ...keys);
  }
  for (const { client } of [target, source, ...masters])
    await client.call('cluster', 'setslot', slot, 'node', targetId);
}

describe('redis: a Cluster that is resharded', () => {
  it('slots move under load, that of the registry too: every call settles, and nothing is lost or doubled', async () => {
    await using cluster = await startRedisCluster();
    const masters = cluster.nodes;
    const target = { kind: 'cluster', nodes: addressesOf(cluster.addresses) } as const;
    const storage = await openRedisStorage({ connection: { target }, waitMs: 20_000 });
    const ids = await Promise.all(Array.from({ length: 3 }, () => register(storage)));
    const taken = new Map(ids.map((id) => [id, [] as number[]]));
    let devices = ids.length;
    let stopped = false;
    const samples = ids.map(async (entityId) => {
      for (let ts = 0; !stopped; ts++) {
        await storage.telemetry.save({ entityId, ts, values: { a: ts } });
        taken.get(entityId)?.push(ts);
      }
    });
    const creations = (async () => {
      for (; !stopped; devices++) {
        expect(await storage.registry.createDevice(newDevice())).toEqual({ kind: 'created' });
      }
    })();
    const total = (): number => devices + [...taken.values()].reduce((sum, list) => sum + list.length, 0);
    const more = async (): Promise<void> => {
      const before = total();
      await vi.waitFor(() => expect(total()).toBeGreaterThan(before + 50), { timeout: 20_000, interval: 5 });
    };
    await more();
    for (const tag of [ids[0], 'gm', ids[1], 'gm']) {
      await move(masters, Number(await masters[0]?.client.call('cluster', 'keyslot', `{${tag}}`)));
      await more();
    }
    stopped = true;
    await Promise.all([...samples, creations]);
    expect(await storage.registry.deviceCount()).toBe(devices);
    for (const id of ids) {
      const query = { entityId: id, keys: ['a'], startTs: 0, endTs: 2 ** 53, limit: 1_000_000, order: 'ASC' } as const;
      const stored = ((await storage.telemetry.range(query)).get('a') ?? []).map(({ ts }) => ts);
      expect(stored).toEqual(taken.get(id));
      expect((await storage.telemetry.latest(id)).get('a')?.value).toBe(stored.at(-1));
    }
    await storage.close();
  }, 120_000);
});
