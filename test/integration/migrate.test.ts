import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import { PORT_SECTIONS, SECTION_NAMES } from '../../src/storage/port-sections.ts';
import { openRedisStorage } from '../../src/storage/redis/index.ts';
import { runCli } from '../cli/run-cli.ts';
import { startRedis, startRedisCluster, type TestRedis, type TestRedisCluster } from '../helpers/redis.ts';
import { addressesOf } from '../helpers/redis-store.ts';
import { fillApps } from '../helpers/whole-apps.ts';
import { answersOf, fillStore, type WholeStore } from '../helpers/whole-store.ts';

const halfOf = (from: string): string => JSON.stringify({ from, keyCheck: 'a'.repeat(64) });

describe('gridmoor migrate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-migrate-'));
  const full = join(folder, 'full');
  let redis: TestRedis;
  let cluster: TestRedisCluster;
  let whole: WholeStore;
  let answers: object;

  const migrate = (from: string, to: string, ...more: string[]) =>
    runCli(['migrate', '--from', from, '--to', to, ...more], { cwd: folder, env: { REDIS_NODES: cluster.addresses } });
  const clusterStore = () =>
    openRedisStorage({ connection: { target: { kind: 'cluster', nodes: addressesOf(cluster.addresses) } } });
  const redisStore = () =>
    openRedisStorage({ connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } } });

  beforeAll(async () => {
    [redis, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
    const store = await openEmbeddedStorage({ dataDir: full, sync: false });
    whole = await fillStore(store);
    await fillApps(store);
    answers = await answersOf(store, whole);
    await store.close();
  });
  afterAll(async () => {
    await Promise.all([redis[Symbol.asyncDispose](), cluster[Symbol.asyncDispose]()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('every port of a store says what of it is moved, and the test store has something of each', async () => {
    const store = await openEmbeddedStorage({ dataDir: full, sync: false });
    try {
      const besides = new Set(['kind', 'transfer', 'health', 'drain', 'lanes', 'backup', 'close']);
      const ports = Object.keys(store).filter((name) => !besides.has(name));
      expect(Object.keys(PORT_SECTIONS).sort()).toEqual(ports.sort());
      expect(Object.values(PORT_SECTIONS).flat().sort()).toEqual([...SECTION_NAMES].sort());
      expect(Object.keys(store.transfer.sections).sort()).toEqual([...SECTION_NAMES].sort());
    } finally {
      await store.close();
    }
    const counted = await migrate('full', redis.url, '--dry-run', '--json');
    expect(counted).toMatchObject({ code: 0, stderr: '' });
    const { tallies, verified } = JSON.parse(counted.stdout);
    for (const name of SECTION_NAMES) expect([name, tallies[name].records]).not.toEqual([name, 0]);
    expect(verified).toBe(false);
  });

  it('own files to Redis, to a Cluster and back: the same answers and digests everywhere', async () => {
    const there = await migrate('full', redis.url, '--json');
    expect(there).toMatchObject({ code: 0, stderr: '' });
    const inRedis = await redisStore();
    expect(await answersOf(inRedis, whole)).toEqual(answers);
    await inRedis.close();
    // As if it had been killed at its last step: all is written once more, and changes nothing.
    await redis.client.hset('{gm}:settings', 'unfinished-move', halfOf(full));
    const again = await migrate('full', redis.url, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      resumed: true,
      verified: true,
      tallies: JSON.parse(there.stdout).tallies,
    });
    const unchanged = await redisStore();
    expect(await answersOf(unchanged, whole)).toEqual(answers);
    await unchanged.close();
    const over = await migrate(redis.url, 'redis', '--json');
    expect(over).toMatchObject({ code: 0, stderr: '' });
    const inCluster = await clusterStore();
    expect(await answersOf(inCluster, whole)).toEqual(answers);
    await inCluster.close();
    const back = await migrate('redis', 'back', '--json');
    expect(back).toMatchObject({ code: 0, stderr: '' });
    const half = await openEmbeddedStorage({ dataDir: join(folder, 'back'), sync: false });
    await half.settings.put('unfinished-move', halfOf(`Redis Cluster ${cluster.addresses}`));
    await half.close();
    expect(await migrate('redis', 'back', '--json')).toMatchObject({ code: 0, stderr: '' });
    const [a, b, c] = [there, over, back].map(({ stdout }) => JSON.parse(stdout));
    expect(b.tallies).toEqual(a.tallies);
    expect(c.tallies).toEqual(a.tallies);
    expect(a.verified).toBe(true);
    const files = await openEmbeddedStorage({ dataDir: join(folder, 'back'), sync: false });
    expect(await answersOf(files, whole)).toEqual(answers);
    await files.close();
  });

  it('a store that was moved goes on: new writes count as later, what is deleted goes whole', async () => {
    const id = whole.devices[0]?.id ?? whole.gone;
    for (const open of [redisStore, clusterStore, () => openEmbeddedStorage({ dataDir: join(folder, 'back') })]) {
      const store = await open();
      const ts = 1_700_000_000_000;
      await store.telemetry.save({ entityId: id, ts, values: { p: 'later' } });
      const points = await store.telemetry.range({
        entityId: id,
        keys: ['p'],
        startTs: ts,
        endTs: ts + 1,
        limit: 9,
        order: 'ASC',
      });
      expect(points.get('p')).toEqual([{ ts, value: 'later' }]);
      await store.attributes.save({
        entityId: id,
        scope: 'CLIENT_SCOPE',
        values: { 'new': 1 },
        ts,
        onlyOnChange: false,
      });
      expect([...(await store.attributes.read(id, 'CLIENT_SCOPE')).keys()].at(-1)).toBe('new');
      await store.telemetry.remove({ entityId: id, keys: ['p'], startTs: 0, endTs: ts * 2, latest: 'drop' });
      const left = await store.telemetry.range({
        entityId: id,
        keys: ['p'],
        startTs: 0,
        endTs: ts * 2,
        limit: 9,
        order: 'ASC',
      });
      expect(left.size).toBe(0);
      expect(await store.registry.deleteDevice(id, ts, 'me')).toBe(true);
      expect(await store.registry.deviceCount()).toBe(21);
      expect((await store.alarms.list({ page: 0, pageSize: 9 })).totalElements).toBe(0);
      expect(await store.messages.count()).toBe(0);
      await store.close();
    }
  });

  it('what is not empty, is half, in use, of another key or not there is refused, and nothing is written', async () => {
    const said = async (from: string, to: string, env: Record<string, string> = {}) => {
      const { code, stderr } = await runCli(['migrate', '--from', from, '--to', to], { cwd: folder, env });
      return [code, stderr] as const;
    };
    expect(await said('full', redis.url)).toEqual([1, expect.stringContaining('is not empty (customers)')]);
    await redis.client.acl('SETUSER', 'mover', 'on', '>a-good-password', '~*', '&*', '+@all');
    const asMover = `redis://mover@127.0.0.1:${redis.port}`;
    const password = { REDIS_PASSWORD: 'a-good-password', REDIS_DB: '7' };
    expect(await said('full', asMover, password)).toEqual([1, expect.stringContaining('is not empty (customers)')]);
    expect(await said('nowhere', redis.url)).toEqual([1, expect.stringContaining('there is no store in')]);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
    expect(await said('full', 'full')).toEqual([1, expect.stringContaining('the same store')]);
    expect(await said('full', 'redis')).toEqual([2, expect.stringContaining('needs REDIS_URL')]);
    expect(await said('full', 'http://x')).toEqual([2, expect.stringContaining('neither a directory nor a Redis')]);
    expect(await said('full', 'redis://127.0.0.1:1')).toEqual([3, expect.stringContaining('STORE_UNAVAILABLE')]);
    expect(await said('full', redis.url, { GRIDMOOR_SECRET_KEY: 'k'.repeat(40) })).toEqual([
      1,
      expect.stringContaining('SECRET_KEY_MISMATCH'),
    ]);
    writeFileSync(join(folder, 'a-file'), '');
    expect((await said('full', 'a-file'))[0]).toBe(1);
    const open = await openEmbeddedStorage({ dataDir: full, sync: false });
    expect(await said('full', redis.url)).toEqual([1, expect.stringContaining('STORE_LOCKED')]);
    await open.close();
    await redis.client.flushall();
    await redis.client.zadd('{gm}:beats', Date.now(), 'broker-7.x1.r');
    expect(await said('full', redis.url)).toEqual([1, expect.stringContaining('in use by broker-7')]);
    await redis.client.del('{gm}:beats');
    await redis.client.hset('{gm}:settings', 'unfinished-move', '{"from":"elsewhere"}');
    expect(await said('full', redis.url)).toEqual([1, expect.stringContaining('a move from elsewhere')]);
    expect(await said(redis.url, 'new')).toEqual([1, expect.stringContaining('itself the unfinished target')]);
    expect((await runCli(['migrate', '--from', 'x'], { cwd: folder })).code).toBe(2);
    await redis.client.flushall();
  });
});
