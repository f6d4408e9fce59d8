import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKey, openApp, startAppBroker, subscribe } from '../helpers/app-clients.ts';
import { startBroker } from '../helpers/broker.ts';
import { startRedis, startRedisCluster, startSentinel, type TestRedis } from '../helpers/redis.ts';
import { latest, newDevice } from '../helpers/system.ts';

const GRIDMOOR_SECRET_KEY = 'an-instance-key-0123456789-abcdefgh';

describe('a broker that starts on Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis({ args: ['--requirepass', 'planted-password'], client: { password: 'planted-password' } });
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  const url = (password: string) => `redis://:${password}@127.0.0.1:${redis.port}`;
  const refusal = async (env: Record<string, string>): Promise<string> => {
    try {
      await using broker = await startBroker({ env, deadlineMs: 30_000 });
      return `started: ${broker.url}`;
    } catch (error) {
      return String(error);
    }
  };

  it('with another instance key than the one that wrote the data does not start, and says why', async () => {
    await using first = await startBroker({ env: { REDIS_URL: url('planted-password'), GRIDMOOR_SECRET_KEY } });
    await newDevice(first, 'one');
    const other = { REDIS_URL: url('planted-password'), GRIDMOOR_SECRET_KEY: 'another-key-0123456789-abcdefghijk' };
    expect(await refusal(other)).toMatch(/"code":1[\s\S]*SECRET_KEY_MISMATCH[\s\S]*the same to every broker/);
  });

  it('with a wrong password, or where nobody is, does not start; no password is shown', async () => {
    const wrong = await refusal({ REDIS_URL: url('planted-mistake'), GRIDMOOR_SECRET_KEY });
    expect(wrong).toMatch(/"code":1[\s\S]*STORE_UNAVAILABLE[\s\S]*WRONGPASS/);
    const nobody = await refusal({ REDIS_URL: 'redis://:planted-secret@127.0.0.1:1', GRIDMOOR_SECRET_KEY });
    expect(nobody).toMatch(/"code":1[\s\S]*STORE_UNAVAILABLE[\s\S]*ECONNREFUSED/);
    expect(wrong + nobody).not.toContain('planted');
  });

  it('with a user of Redis who has the rights that docs/redis.md lists and no other; one with less is told so', async () => {
    const [, rights = ''] = /user gridmoor on >password (.+)/.exec(readFileSync('docs/redis.md', 'utf8')) ?? [];
    expect(rights).toContain('-@dangerous');
    await using own = await startRedis();
    const user = (...words: string[]) => own.client.acl('SETUSER', 'gridmoor', 'reset', 'on', '>password', ...words);
    await user(...rights.split(' '));
    const env = { REDIS_URL: own.url, REDIS_USERNAME: 'gridmoor', REDIS_PASSWORD: 'password', GRIDMOOR_SECRET_KEY };
    {
      await using broker = await startAppBroker({ env });
      const token = await newDevice(broker, 'one');
      const key = await newKey(broker);
      await using app = await openApp(broker, key, { protocolVersion: 5, clientId: 'stored', clean: false });
      await subscribe(app, 'app/telemetry/#');
      const sent = await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body: '{"power_w":5}' });
      expect(sent.status).toBe(200);
      expect(await app.until(1)).toHaveLength(1);
      // What it finds of the settings of Redis is found by this user, too.
      const seen = async () => broker.logs().find(({ event }) => event === 'redis.settings')?.problem;
      await expect.poll(seen, { timeout: 10_000 }).toContain('append-only file is off');
      await broker[Symbol.asyncDispose]();
    }
    expect(await own.client.acl('LOG')).toEqual([]);
    for (const without of ['~{*}:*', '~gridmoor-app:*']) {
      await user(...rights.split(' ').filter((word) => word !== without));
      expect(await refusal(env)).toMatch(/"code":1[\s\S]*STORE_UNAVAILABLE[\s\S]*docs\/redis\.md[\s\S]*NOPERM/);
    }
  });

  it('with the name of a broker that lives does not start; killed, its name is free again within seconds', async () => {
    const GRIDMOOR_INSTANCE_ID = 'one-of-two';
    const env = { REDIS_URL: url('planted-password'), GRIDMOOR_SECRET_KEY, GRIDMOOR_INSTANCE_ID };
    await using first = await startBroker({ env });
    const refused = await refusal(env);
    expect(refused).toMatch(/"code":1[\s\S]*CONFIG_INVALID[\s\S]*"one-of-two"[\s\S]*GRIDMOOR_INSTANCE_ID/);
    await using _other = await startBroker({ env: { ...env, GRIDMOOR_INSTANCE_ID: 'two-of-two' } });
    await first.restart('SIGKILL');
    await newDevice(first, 'after-the-kill');
  });

  it("by ThingsBoard's settings of a Cluster and of Sentinels", async () => {
    await using cluster = await startRedisCluster();
    await using sentinel = await startSentinel();
    for (const env of [
      { REDIS_CONNECTION_TYPE: 'cluster', REDIS_NODES: cluster.addresses },
      { REDIS_CONNECTION_TYPE: 'sentinel', REDIS_MASTER: sentinel.masterName, REDIS_SENTINELS: sentinel.addresses },
    ]) {
      await using broker = await startBroker({ env: { ...env, GRIDMOOR_SECRET_KEY } });
      const token = await newDevice(broker, 'one');
      const sent = await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body: '{"power_w":5}' });
      expect(sent.status).toBe(200);
      expect(await latest(broker, 'one')).toMatchObject({ power_w: '5' });
    }
  });
});
