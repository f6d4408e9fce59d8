import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import { startRedis } from '../helpers/redis.ts';
import { freePort } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-doctor-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function doctor(more: Readonly<Record<string, string>>): Promise<string> {
  const env = {
    GRIDMOOR_CHAINS_DIR: join(process.cwd(), 'rule-chains'),
    GRIDMOOR_PROFILES_DIR: join(process.cwd(), 'device-profiles'),
    MQTT_BIND_PORT: '0',
    COAP_BIND_PORT: '0',
    HTTP_BIND_PORT: String(await freePort()),
    GRIDMOOR_SECRET_KEY: 'an-instance-key-0123456789abcdefghij',
    ...more,
  };
  return (await runCli(['doctor'], { cwd, env })).stdout;
}

const ofRedis = (lines: string): string[] => lines.split('\n').filter((line) => / {2,4}redis: /.test(line));

describe('doctor and the store', () => {
  it('a Redis that keeps everything is fine', async () => {
    await using redis = await startRedis({ durable: true, args: ['--maxmemory-policy', 'noeviction'] });
    const lines = ofRedis(await doctor({ REDIS_URL: redis.url }));
    expect(lines).toEqual([
      expect.stringMatching(/^ok {4}redis: Redis \d+\.\d+\.\d+ answers$/),
      'ok    redis: appendonly yes, appendfsync always',
      'ok    redis: maxmemory-policy noeviction',
      expect.stringMatching(/^ok {4}redis: \d+ MiB used, no limit$/),
    ]);
  });

  it('one that loses what was acknowledged, or throws it away, is a warning with its repair', async () => {
    await using redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru', '--maxmemory', '900kb'] });
    const off = await doctor({ REDIS_URL: redis.url });
    expect(off).toMatch(/^warn {2}redis: appendonly no: .*loses what was acknowledged -> appendonly yes/m);
    expect(off).toMatch(/^warn {2}redis: maxmemory-policy allkeys-lru: .*throws devices away.* -> .*noeviction/m);
    expect(off).toMatch(/^warn {2}redis: \d+ of 1 MiB used: .*nearly full/m);
    await redis.client.config('SET', 'appendonly', 'yes');
    await redis.client.config('SET', 'appendfsync', 'everysec');
    const everysec = await doctor({ REDIS_URL: redis.url });
    expect(everysec).toMatch(/^warn {2}redis: appendonly yes, appendfsync everysec: .*two seconds/m);
  });

  it('a clock that is not that of Redis is a warning, in either direction', async () => {
    await using redis = await startRedis({ durable: true });
    expect(ofRedis(await doctor({ REDIS_URL: redis.url })).join()).not.toContain('clock');
    for (const [aheadMs, words] of [
      [-600_000, '(600|599) s ahead of'],
      [600_000, '(600|599) s behind'],
    ] as const) {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs });
      const lines = await doctor({ REDIS_URL: redis.url });
      vi.useRealTimers();
      expect(lines).toMatch(
        new RegExp(`^warn {2}redis: clock: the clock of Redis is ${words} the one here -> keep the clocks`, 'm'),
      );
    }
  });

  it('what a user of Redis may not ask for is said to be not known, not guessed', async () => {
    await using redis = await startRedis({ durable: true });
    await redis.client.acl('SETUSER', 'limited', 'on', '>a-good-password', '~*', '+@all', '-config');
    const lines = ofRedis(
      await doctor({ REDIS_URL: redis.url, REDIS_USERNAME: 'limited', REDIS_PASSWORD: 'a-good-password' }),
    );
    expect(lines).toContain('ok    redis: appendonly yes, appendfsync not known: CONFIG GET is not allowed');
  });

  it('one that does not answer, or refuses the password, fails and shows no password', async () => {
    const away = await doctor({ REDIS_URL: `redis://user:hidden-word@127.0.0.1:${await freePort()}` });
    expect(away).toMatch(/^fail {2}redis: it does not answer: .* -> start it, or correct REDIS_URL/m);
    await using redis = await startRedis({
      args: ['--requirepass', 'the-right-one'],
      client: { password: 'the-right-one' },
    });
    const wrong = await doctor({ REDIS_URL: redis.url, REDIS_PASSWORD: 'hidden-word' });
    expect(wrong).toMatch(/^fail {2}redis: it does not answer: /m);
    expect(away + wrong).not.toContain('hidden-word');
  });

  it('a data directory that another broker uses is a warning: several need a Redis', async () => {
    const dataDir = join(cwd, 'shared');
    const storage = await openEmbeddedStorage({ dataDir, sync: false });
    const lines = await doctor({ GRIDMOOR_DATA_DIR: dataDir });
    await storage.close();
    expect(lines).toMatch(new RegExp(`^warn  data directory: .*in use by process ${process.pid}.*REDIS_URL`, 'm'));
    expect(await doctor({ GRIDMOOR_DATA_DIR: dataDir })).not.toContain('in use');
  });
});
