import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../cli/fake-api.ts';
import { runCli } from '../cli/run-cli.ts';
import { startBroker } from '../helpers/broker.ts';
import { type Brokers, SHARED_KEY, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { latest, newDevice } from '../helpers/system.ts';

const PASSPHRASE = 'planted passphrase of the backup';
const TELEMETRY = 'v1/devices/me/telemetry';

/** Every key that lasts, with all it holds; Redis may hold the members of a hash or set in another order. */
async function lasting({ client }: TestRedis): Promise<Record<string, readonly string[]>> {
  const read: Readonly<Record<string, (key: string) => Promise<readonly string[]>>> = {
    string: async (key) => [hex(await client.getBuffer(key))],
    list: async (key) => (await client.lrangeBuffer(key, 0, -1)).map(hex),
    zset: async (key) => (await client.zrangeBuffer(key, 0, -1, 'WITHSCORES')).map(hex),
    set: async (key) => (await client.smembersBuffer(key)).map(hex).sort(),
    hash: async (key) =>
      Object.entries(await client.hgetallBuffer(key))
        .map(([field, value]) => `${field} ${hex(value)}`)
        .sort(),
    stream: async (key) => [JSON.stringify(await client.xrange(key, '-', '+'))],
  };
  const found: Record<string, readonly string[]> = {};
  for await (const keys of client.scanStream({ count: 1_000 })) {
    for (const key of keys as string[]) {
      const type = await client.type(key);
      if ((await client.ttl(key)) === -1) found[key] = [type, ...((await read[type]?.(key)) ?? ['unread'])];
    }
  }
  return found;
}

const hex = (bytes: Buffer | null): string => bytes?.toString('hex') ?? 'gone';

describe('backup and restore of Redis', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-backup-redis-'));
  let brokers: Brokers;
  let token: string;
  const env = (redis: TestRedis) => ({
    REDIS_URL: redis.url,
    GRIDMOOR_SECRET_KEY: SHARED_KEY,
    GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE,
  });
  const backup = (file: string, redis: TestRedis, ...more: string[]) =>
    runCli(['backup', file, '--redis', ...more], { env: env(redis), cwd: folder });

  beforeAll(async () => {
    brokers = await startBrokers(2);
    const [one] = brokers.all;
    if (!one) throw new Error('no broker');
    token = await newDevice(one, 'kept');
  });
  afterAll(async () => {
    await brokers[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('taken under load holds all that was acknowledged before, and a broker runs on it', async () => {
    const [one, two] = brokers.all as [Brokers['all'][number], Brokers['all'][number]];
    await using meter = await MqttClient.connect({ port: one.ports.mqtt, userName: token });
    await using other = await MqttClient.connect({ port: two.ports.mqtt, userName: await newDevice(two, 'other') });
    let acknowledged = 0;
    let stop = false;
    const load = (async () => {
      for (; !stop; acknowledged++) {
        await meter.publish(TELEMETRY, `{"seq":${acknowledged + 1}}`);
        await other.publish(TELEMETRY, '{"noise":1}');
      }
    })();
    await expect.poll(() => acknowledged, { timeout: 30_000 }).toBeGreaterThan(20);
    const before = acknowledged;
    const made = await backup('loaded', brokers.redis, '--with-key');
    stop = true;
    await load;
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const bytes = readFileSync(join(folder, 'loaded'));
    for (const secret of [SHARED_KEY, PASSPHRASE, token, one.provisionSecret])
      expect(bytes.includes(secret)).toBe(false);

    const to = join(folder, 'restored');
    const given = ['--data-dir', to, '--with-key'];
    const ran = await runCli(['restore', 'loaded', ...given], { cwd: folder, env: env(brokers.redis) });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('CONFIG SET appendonly yes');
    expect(readdirSync(to).sort()).toEqual(['dump.rdb', 'instance.key']);
    await using redis = await startRedis({ args: ['--dir', to] });
    await using restored = await startBroker({ env: { REDIS_URL: redis.url }, dataDir: to });
    await using again = await MqttClient.connect({ port: restored.ports.mqtt, userName: token });
    expect(await again.publish(TELEMETRY, '{"after":1}')).toBe(0);
    expect(Number((await latest(restored, 'kept')).seq)).toBeGreaterThanOrEqual(before);
  });

  it('taken at rest restores to the same keys, every one', async () => {
    for (const broker of brokers.all) await broker.kill();
    expect(await backup('idle', brokers.redis)).toMatchObject({ code: 0 });
    const to = join(folder, 'idle-restored');
    expect(await runCli(['restore', 'idle', '--data-dir', to], { cwd: folder })).toMatchObject({ code: 0 });
    await using redis = await startRedis({ args: ['--dir', to] });
    const keys = await lasting(brokers.redis);
    expect(Object.keys(keys).length).toBeGreaterThan(10);
    expect(Object.values(keys).flat()).not.toContain('unread');
    expect(await lasting(redis)).toEqual(keys);
    for (const broker of brokers.all) await broker.restart();
  });

  it('one that cannot be taken says why, shows no password and leaves no file', async () => {
    await using redis = await startRedis({
      args: ['--requirepass', 'the-right-one'],
      client: { password: 'the-right-one' },
    });
    const words = ['backup', 'never', '--redis'];
    const wrong = { REDIS_URL: redis.url, REDIS_PASSWORD: 'hidden-word' };
    const right = { REDIS_URL: redis.url, REDIS_PASSWORD: 'the-right-one' };
    const none = await runCli(words, { cwd: folder, env: right });
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no store of gridmoor')]);
    expect(await redis.client.dbsize()).toBe(0);
    await redis.client.hset('{gm}:settings', 'key-check', 'a'.repeat(64));
    await redis.client.acl('SETUSER', 'limited', 'on', '>a-good-password', '~*', '+@all', '-sync');
    const limited = { REDIS_URL: redis.url, REDIS_USERNAME: 'limited', REDIS_PASSWORD: 'a-good-password' };
    const refused = await runCli(words, { cwd: folder, env: limited });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('NOPERM')]);
    const failed = await runCli(words, { cwd: folder, env: wrong });
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('Redis does not answer')]);
    const away = await runCli(words, { cwd: folder, env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` } });
    expect(away.code).toBe(1);
    const cluster = await runCli(words, { cwd: folder, env: { REDIS_NODES: `127.0.0.1:${redis.port}` } });
    expect(cluster.code).toBe(1);
    expect((await runCli(words, { cwd: folder })).code).toBe(2);
    expect((await runCli([...words, '--data-dir', 'x'], { cwd: folder, env: right })).code).toBe(2);
    expect(failed.stderr + refused.stderr).not.toMatch(/hidden-word|a-good-password/);
    expect(existsSync(join(folder, 'never'))).toBe(false);
    expect(await runCli(words, { cwd: folder, env: right })).toMatchObject({ code: 0 });
  });

  it('a broker on Redis says how, when it is asked for one', async () => {
    const [one] = brokers.all;
    const asked = await runCli(['backup', 'asked', '--url', one?.url ?? ''], {
      cwd: folder,
      env: { GRIDMOOR_ADMIN_KEY: one?.adminKey ?? '' },
    });
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining('gridmoor backup --redis')]);
    expect(existsSync(join(folder, 'asked'))).toBe(false);
  });
});
