import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedStorage } from '../../../src/storage/embedded/index.ts';
import { openRedisStorage } from '../../../src/storage/redis/index.ts';
import { runCli } from '../../cli/run-cli.ts';
import { startBroker } from '../../helpers/broker.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { fillApps } from '../../helpers/whole-apps.ts';
import { answersOf, fillStore, type WholeStore } from '../../helpers/whole-store.ts';

const MAIN = resolve(import.meta.dirname, '../../../dist/main.js');
const DEVICES = 1_000;

describe('a move that is killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-move-'));
  let redis: TestRedis;
  let whole: WholeStore;
  let answers: object;
  let source: object;
  const start = (from: string, to: string): ChildProcess =>
    spawn(process.execPath, [MAIN, 'migrate', '--from', from, '--to', to], { cwd: folder, stdio: 'ignore' });
  const kill = async (child: ChildProcess): Promise<boolean> => {
    if (child.exitCode !== null) return false;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    return true;
  };
  const finish = async (from: string, to: string) => {
    const ran = await runCli(['migrate', '--from', from, '--to', to, '--json'], { cwd: folder });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    return JSON.parse(ran.stdout);
  };

  beforeAll(async () => {
    redis = await startRedis();
    const store = await openEmbeddedStorage({ dataDir: join(folder, 'full'), sync: false });
    whole = await fillStore(store, DEVICES);
    await fillApps(store);
    answers = await answersOf(store, whole);
    await store.close();
    const counted = await runCli(['migrate', '--from', 'full', '--to', redis.url, '--dry-run', '--json'], {
      cwd: folder,
    });
    source = JSON.parse(counted.stdout).tallies;
  }, 120_000);
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('on its way to Redis, again and again: brokers refuse the half, and the next run ends the same', async () => {
    const keys = ['{gm}:devices', '{gm}:audit', '{gm}:attachments', '{gm}:outbox'] as const;
    const sizeOf = async (key: string): Promise<number> => {
      const type = await redis.client.type(key);
      return type === 'hash' ? redis.client.hlen(key) : type === 'list' ? redis.client.llen(key) : 0;
    };
    let killed = 0;
    for (const key of keys) {
      const before = await sizeOf(key);
      const child = start('full', redis.url);
      // Something of it has come, or, when it was there already, the run is well on its way.
      await expect
        .poll(async () => child.exitCode !== null || (await sizeOf(key)) > before || before > 0, {
          timeout: 60_000,
          interval: 5,
        })
        .toBe(true);
      if (await kill(child)) killed++;
    }
    expect(killed).toBeGreaterThan(1);
    await expect(startBroker({ env: { REDIS_URL: redis.url } })).rejects.toThrow(/still being written into this store/);
    const done = await finish('full', redis.url);
    expect(done).toMatchObject({ resumed: true, verified: true, tallies: source });
    const store = await openRedisStorage({
      connection: { target: { kind: 'standalone', host: redis.host, port: redis.port } },
    });
    expect(await answersOf(store, whole)).toEqual(answers);
    await store.close();
  });

  it('on its way back to own files: the same', async () => {
    const data = join(folder, 'back', 'store', 'data.mdb');
    const sizeOf = (): number => statSync(data, { throwIfNoEntry: false })?.size ?? 0;
    for (const mebibytes of [0.1, 0.4, 0.8]) {
      const child = start(redis.url, 'back');
      const isFar = (): boolean => child.exitCode !== null || sizeOf() > mebibytes * 1024 * 1024;
      await expect.poll(isFar, { timeout: 60_000, interval: 5 }).toBe(true);
      await kill(child);
    }
    expect(await finish(redis.url, 'back')).toMatchObject({ verified: true, tallies: source });
    const store = await openEmbeddedStorage({ dataDir: join(folder, 'back'), sync: false });
    expect(await answersOf(store, whole)).toEqual(answers);
    await store.close();
  });
});
