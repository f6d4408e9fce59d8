import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKnown } from '../../src/app/transfer/known.ts';
import { TENANT } from '../../src/model/entity.ts';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import { openRedisStorage } from '../../src/storage/redis/index.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { runCli } from '../cli/run-cli.ts';
import { startBroker } from '../helpers/broker.ts';
import { SHARED_KEY } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { startRedisCluster, startSentinel, type TestRedisCluster, type TestSentinel } from '../helpers/redis.ts';
import { addressesOf } from '../helpers/redis-store.ts';
import { newDevice } from '../helpers/system.ts';
import { answersOf, fillStore, T0 } from '../helpers/whole-store.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const PASSPHRASE = 'planted passphrase of the backup';

/** A backup whose records are this line. */
function backupOf(line: string): Buffer {
  const data = gzipSync(`${line}\n`);
  const sha256 = createHash('sha256').update(data).digest('hex');
  const header = {
    gridmoor: 'backup',
    format: 1,
    store: 'records',
    version: '1',
    createdTime: 1,
    bytes: data.length,
    sha256,
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), data]);
}

describe('a backup of records', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-records-'));
  let cluster: TestRedisCluster;
  let sentinel: TestSentinel;
  const onCluster = () => ({ REDIS_NODES: cluster.addresses });
  const onSentinel = () => ({ REDIS_SENTINELS: sentinel.addresses, REDIS_MASTER: sentinel.masterName });
  const run = (words: string[], env: Record<string, string>) => runCli(words, { cwd: folder, env });
  const openCluster = (): Promise<Storage> =>
    openRedisStorage({ connection: { target: { kind: 'cluster', nodes: addressesOf(cluster.addresses) } } });
  const openSentinel = (): Promise<Storage> => {
    const sentinels = addressesOf(sentinel.addresses);
    return openRedisStorage({ connection: { target: { kind: 'sentinel', sentinels, master: sentinel.masterName } } });
  };

  beforeAll(async () => {
    [cluster, sentinel] = await Promise.all([startRedisCluster(), startSentinel()]);
  });
  afterAll(async () => {
    await Promise.all([cluster[Symbol.asyncDispose](), sentinel[Symbol.asyncDispose]()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('of a Cluster fills a Redis behind Sentinel, and that of Sentinel a data directory: the same answers', async () => {
    const full = await openCluster();
    const whole = await fillStore(full);
    const answers = await answersOf(full, whole);
    await full.close();
    expect(await run(['backup', 'of-cluster', '--redis'], onCluster())).toMatchObject({ code: 0, stderr: '' });
    const filled = await run(['restore', 'of-cluster', '--redis', '--json'], onSentinel());
    expect(filled).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(filled.stdout)).toMatchObject({ store: 'records', devices: 22, leftOut: 0 });
    const behindSentinel = await openSentinel();
    expect(await answersOf(behindSentinel, whole)).toEqual(answers);
    await behindSentinel.close();
    expect(await run(['backup', 'of-sentinel', '--redis'], onSentinel())).toMatchObject({ code: 0, stderr: '' });
    const made = await run(['restore', 'of-sentinel', '--data-dir', 'files'], {});
    expect(made).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('22 devices') });
    const files = await openEmbeddedStorage({ dataDir: join(folder, 'files') });
    expect(await answersOf(files, whole)).toEqual(answers);
    await files.close();
  });

  it('what is not whole, or goes into what is not empty, is refused; what was cut short is finished', async () => {
    const bytes = readFileSync(join(folder, 'of-cluster'));
    writeFileSync(join(folder, 'cut'), bytes.subarray(0, -10));
    writeFileSync(join(folder, 'changed'), Buffer.concat([bytes.subarray(0, -10), Buffer.alloc(10)]));
    for (const file of ['cut', 'changed']) {
      const refused = await run(['restore', file, '--data-dir', `never-${file}`], {});
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/cut short|checksum/)]);
      expect(existsSync(join(folder, `never-${file}`))).toBe(false);
    }
    const crafted = [
      [{ section: 'devices', records: [null] }, 'records that are none'],
      [{ section: 'devices', records: [{ device: 7 }] }, 'not as gridmoor writes them'],
      [
        { section: 'history', records: [{ entityId: TENANT.id, part: {}, samples: 'x' }] },
        'not as gridmoor writes them',
      ],
      [{ section: '__proto__', records: [] }, 'of an unknown kind'],
      [{ section: 'settings', records: [] }, 'end in the middle'],
      ['text', 'cannot be read'],
    ] as const;
    for (const [at, [line, why]] of crafted.entries()) {
      writeFileSync(join(folder, `crafted-${at}`), backupOf(typeof line === 'string' ? line : JSON.stringify(line)));
      const bad = await run(['restore', `crafted-${at}`, '--data-dir', `bad-${at}`], {});
      expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining(why)]);
    }
    const again = await run(['restore', 'of-cluster', '--redis'], onSentinel());
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is not empty')]);
    const half = JSON.stringify({
      from: `backup ${JSON.parse(bytes.subarray(0, bytes.indexOf('\n')).toString()).sha256.slice(0, 16)}`,
    });
    await sentinel.master.client.hset('{gm}:settings', 'unfinished-move', half);
    const refused = await run(['backup', 'never', '--redis'], onSentinel());
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('still being written')]);
    expect(await run(['restore', 'of-cluster', '--redis'], onSentinel())).toMatchObject({ code: 0, stderr: '' });
    expect(await sentinel.master.client.hget('{gm}:settings', 'unfinished-move')).toBeNull();
    for (const words of [
      ['restore', 'of-cluster', '--redis', '--data-dir', 'x'],
      ['restore', 'of-cluster', '--redis', '--with-key'],
      ['backup', 'x', '--records'],
    ])
      expect((await run(words, onCluster())).code).toBe(2);
  });

  it('taken of a Cluster under load holds all that was acknowledged before, and a broker runs on it', async () => {
    await cluster.flush();
    const env = { ...onCluster(), GRIDMOOR_SECRET_KEY: SHARED_KEY };
    await using broker = await startBroker({ env });
    const token = await newDevice(broker, 'kept');
    await using meter = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    let acknowledged = 0;
    let stop = false;
    const load = (async () => {
      for (; !stop; acknowledged++) {
        await meter.publish(TELEMETRY, `{"seq":${acknowledged + 1}}`);
        if (acknowledged % 10 === 0) await newDevice(broker, `while-${acknowledged}`);
      }
    })();
    await expect.poll(() => acknowledged, { timeout: 30_000 }).toBeGreaterThan(40);
    const before = acknowledged;
    const made = await run(['backup', 'loaded', '--redis', '--with-key'], {
      ...env,
      GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE,
    });
    stop = true;
    await load;
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const bytes = readFileSync(join(folder, 'loaded'));
    for (const secret of [SHARED_KEY, PASSPHRASE, token]) expect(bytes.includes(secret)).toBe(false);
    const to = join(folder, 'restored');
    const words = ['restore', 'loaded', '--data-dir', to, '--with-key'];
    expect(await run(words, { GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE })).toMatchObject({ code: 0, stderr: '' });
    const store = await openEmbeddedStorage({ dataDir: to });
    const kept = await store.registry.deviceByName('kept');
    const seq = (await store.telemetry.latest(kept?.id ?? '')).get('seq')?.value;
    expect(Number(seq)).toBeGreaterThanOrEqual(before);
    await store.close();
    await using restored = await startBroker({ dataDir: to });
    await using again = await MqttClient.connect({ port: restored.ports.mqtt, userName: token });
    expect(await again.publish(TELEMETRY, '{"after":1}')).toBe(0);
  });

  it('leaves out what rests on something that was deleted meanwhile, and a second holder that came meanwhile', () => {
    const known = createKnown(T0);
    const keeps = (section: Parameters<typeof known.keeps>[0], record: object): boolean => known.keeps(section, record);
    const device = (id: string, name: string, index: string) => ({ device: { id, name }, present: { index } });
    expect(keeps('devices', device('d1', 'one', 'i1'))).toBe(true);
    expect(keeps('devices', device('d2', 'one', 'i2'))).toBe(false);
    expect(keeps('devices', device('d3', 'three', 'i1'))).toBe(false);
    expect(keeps('devices', device('d4', 'four', 'i4'))).toBe(true);
    for (const id of ['s', 'g', 'p']) keeps('assets', { id, type: 't', name: id });
    expect(keeps('latest', { entityId: 'd1' })).toBe(true);
    expect(keeps('latest', { entityId: 'd9' })).toBe(false);
    expect(keeps('deadLetters', { text: '{"originator":{"id":"d9"}}' })).toBe(false);
    const held = (id: string, since: number) => ({
      device: { id },
      supplier: { id: 's' },
      grid: { id: 'g' },
      supplyPointId: 'p',
      supplyPointHash: 'h',
      since,
    });
    expect(keeps('attachments', held('d1', T0 - 5))).toBe(true);
    expect(keeps('attachments', held('d4', T0 + 5))).toBe(false);
    expect(keeps('attachments', held('d4', T0 - 5))).toBe(true);
    expect(keeps('attachments', held('d9', T0 - 5))).toBe(false);
  });
});
