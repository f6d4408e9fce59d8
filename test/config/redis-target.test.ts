import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { redisSettings } from '../../src/config/redis-target.ts';

const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-config-'));
const KEY = 'an instance key for tests, 0123456789';

async function settings(env: Record<string, string>) {
  const loaded = await loadConfig({ env: { GRIDMOOR_SECRET_KEY: KEY, ...env }, cwd });
  if (!loaded.ok)
    return loaded.issues.map(({ at, file, rule, problem, hint }) => ({ where: at || file, rule, problem, hint }));
  const found = redisSettings(loaded.config);
  return found.ok ? found.value : undefined;
}

describe('config: where Redis is', () => {
  it('no setting of Redis means the embedded store', async () => {
    expect(await settings({})).toBeUndefined();
  });

  it.each([
    ['redis://h', { target: { kind: 'standalone', host: 'h', port: 6379 }, db: 0, tls: false }],
    [
      'rediss://us%40er:p%3Aw@h.example:7000/3',
      {
        target: { kind: 'standalone', host: 'h.example', port: 7000 },
        username: 'us@er',
        urlPassword: 'p:w',
        db: 3,
        tls: true,
      },
    ],
    ['redis://[::1]:7000/', { target: { kind: 'standalone', host: '::1', port: 7000 }, db: 0, tls: false }],
  ])('%s is read', async (url, expected) => {
    expect(await settings({ REDIS_URL: url })).toEqual(expected);
  });

  it.each([
    'http://h',
    'redis://',
    'h:6379',
    'redis://h/x',
    'redis://h?db=1',
    'redis://:%ff@h',
    '__proto__',
    'redis://h:99999',
  ])('%s is refused without its text', async (url) => {
    const found = await settings({ REDIS_URL: `${url}` });
    expect(found).toMatchObject([{ where: '/redis/url', rule: 'invalid-value' }]);
    expect(JSON.stringify(found)).not.toContain(`"${url}"`);
  });

  it('the forms of ThingsBoard name a Cluster and Sentinels', async () => {
    expect(await settings({ REDIS_CONNECTION_TYPE: 'cluster', REDIS_NODES: 'a:1, b:2,c' })).toMatchObject({
      target: {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
          { host: 'c', port: 6379 },
        ],
      },
    });
    expect(
      await settings({ REDIS_MASTER: 'm', REDIS_SENTINELS: 'a:1,[::1]', TB_REDIS_SSL_ENABLED: 'true' }),
    ).toMatchObject({
      target: {
        kind: 'sentinel',
        master: 'm',
        sentinels: [
          { host: 'a', port: 1 },
          { host: '::1', port: 26_379 },
        ],
      },
      tls: true,
    });
    expect(await settings({ REDIS_CONNECTION_TYPE: 'standalone' })).toMatchObject({
      target: { kind: 'standalone', host: '127.0.0.1', port: 6379 },
    });
    expect(await settings({ REDIS_CONNECTION_TYPE: 'cluster', REDIS_URL: 'redis://a:1' })).toMatchObject({
      target: { kind: 'cluster', nodes: [{ host: 'a', port: 1 }] },
    });
  });

  it.each([
    [{ REDIS_URL: 'redis://h', REDIS_HOST: 'h' }, '/redis/url'],
    [{ REDIS_CONNECTION_TYPE: 'standalone', REDIS_NODES: 'a:1' }, '/redis/nodes'],
    [{ REDIS_CONNECTION_TYPE: 'cluster' }, '/redis/nodes'],
    [{ REDIS_NODES: 'a:1,,b:2' }, '/redis/nodes'],
    [{ REDIS_NODES: 'a:70000' }, '/redis/nodes'],
    [{ REDIS_NODES: 'a:1', REDIS_DB: '1' }, '/redis/db'],
    [{ REDIS_SENTINELS: 'a:1' }, '/redis/master'],
    [{ REDIS_MASTER: 'm', REDIS_SENTINELS: 'a b' }, '/redis/sentinels'],
    [{ REDIS_URL: 'redis://:a@h', REDIS_PASSWORD: 'b' }, '/redis/password'],
    [{ REDIS_URL: 'redis://h', TB_REDIS_SSL_PEM_CERT: '/none' }, '/redis/sslCa'],
    [{ REDIS_URL: 'rediss://h', TB_REDIS_SSL_PEM_CERT: '/none' }, '/redis/sslCa'],
    [{ REDIS_URL: 'rediss://h', TB_REDIS_SSL_PEM_CERT: '/' }, '/redis/sslCa'],
    [{ REDIS_PORT: '6380' }, '/redis/port'],
    [{ REDIS_DB: '1' }, '/redis/db'],
    [{ REDIS_PASSWORD: 'b' }, '/redis/password'],
    [{ REDIS_USERNAME: 'b' }, '/redis/username'],
    [{ REDIS_MASTER: 'm' }, '/redis/master'],
    [{ REDIS_WAIT_REPLICAS: '1' }, '/redis/waitReplicas'],
    [{ TB_REDIS_SSL_ENABLED: 'true' }, '/redis/sslEnabled'],
    [{ REDIS_CONNECTION_TYPE: 'clutser' }, 'environment REDIS_CONNECTION_TYPE'],
  ])('%o is refused at %s', async (env, where) => {
    expect(await settings(env as Record<string, string>)).toMatchObject([{ where }]);
  });

  it('an unknown name names the nearest one', async () => {
    expect(await settings({ REDIS_SSL_ENABLED: 'true', REDIS_NODE: 'a' })).toMatchObject([
      { hint: 'did you mean TB_REDIS_SSL_ENABLED?' },
      { hint: 'did you mean REDIS_NODES?' },
    ]);
  });

  it('brokers that share a Redis are told that they need one instance key', async () => {
    const loaded = await loadConfig({ env: { REDIS_URL: 'redis://h' }, cwd });
    expect(loaded.ok && loaded.warnings.map(({ at }) => at)).toEqual(['/instance/secretKey']);
  });
});
