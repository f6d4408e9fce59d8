import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openEnvironment, TABLES } from '../../src/storage/embedded/environment.ts';
import { noteClosed, writeMark } from '../../src/storage/embedded/journal.ts';
import { runCli } from '../cli/run-cli.ts';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, latest, newDevice } from '../helpers/system.ts';

const INSTANCE_KEY = 'planted-instance-key-0123456789abcdefghijklm';
const PASSPHRASE = 'planted passphrase of the backup';
const CUPS = 'ES0217010123456789LL';

/** Every record of a store, table by table. */
async function dump(dataDir: string): Promise<Record<string, string[]>> {
  const environment = openEnvironment(join(dataDir, 'store'), false);
  const all = { from: Buffer.alloc(0), to: Buffer.alloc(64, 0xff) };
  // Every start gives the journal another id.
  const { meta } = environment.tables;
  await environment.transaction(() => {
    writeMark(meta, { id: Buffer.alloc(16), sequence: 0 });
    noteClosed(meta, Buffer.alloc(16));
  });
  const records = Object.fromEntries(
    TABLES.map((table) => [
      table,
      [...environment.tables[table].entries(all)].map(
        ({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`,
      ),
    ]),
  );
  await environment.close();
  return records;
}

describe('backup and restore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-backup-'));
  const dataDir = join(folder, 'data');
  const key = { GRIDMOOR_SECRET_KEY: INSTANCE_KEY };
  let broker: Broker;
  let token: string;
  let supplierKey: string;
  let count = 0;
  const fresh = (): string => join(folder, `case-${++count}`);
  const whole = join(folder, 'whole.backup');
  const restore = (file: string, to: string, ...more: string[]) =>
    runCli(['restore', file, '--data-dir', to, ...more], { env: { GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE } });

  beforeAll(async () => {
    broker = await startBroker({ dataDir, env: key });
    token = await newDevice(broker, 'kept');
    const supplier = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Acme' },
    });
    supplierKey = supplier.secretKey;
    await using meter = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    const attach = JSON.stringify({ Power_supplier_secret_key: supplierKey, CUPS });
    await meter.publish('v1/devices/me/attributes', attach);
    for (let n = 1; n <= 50; n++) await meter.publish('v1/devices/me/telemetry', `{"n":${n}}`);
    const made = await online(whole, { ...key, GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE }, '--with-key');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(whole).mode & 0o777).toBe(0o600);
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const online = (file: string, env: Record<string, string> = {}, ...more: string[]) =>
    runCli(['backup', file, '--url', broker.url, ...more], { env: { GRIDMOOR_ADMIN_KEY: broker.adminKey, ...env } });

  it('of a running broker under load holds all that was acknowledged before, and starts as a broker of its own', async () => {
    const meter = await MqttClient.connect({ port: broker.ports.mqtt, userName: await newDevice(broker, 'busy') });
    let acknowledged = 0;
    let stop = false;
    const load = (async () => {
      for (; !stop; acknowledged++) await meter.publish('v1/devices/me/telemetry', `{"seq":${acknowledged + 1}}`);
    })();
    await expect.poll(() => acknowledged).toBeGreaterThan(20);
    const before = acknowledged;
    const loaded = fresh();
    const made = await online(loaded, { ...key, GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE }, '--with-key');
    stop = true;
    await load;
    await meter[Symbol.asyncDispose]();
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(dataDir).filter((name) => name.startsWith('.backup'))).toEqual([]);

    const to = fresh();
    expect(await restore(loaded, to, '--with-key')).toMatchObject({ code: 0, stderr: '' });
    await using restored = await startBroker({ dataDir: to });
    await using again = await MqttClient.connect({ port: restored.ports.mqtt, userName: token });
    await again.publish('v1/devices/me/telemetry', '{"after":1}');
    expect((await latest(restored, 'kept')).n).toBe('50');
    expect(Number((await latest(restored, 'busy')).seq)).toBeGreaterThanOrEqual(before);
    const attached = await api<{ data: unknown[] }>(restored, '/api/gridmoor/attachments?device=kept');
    expect(attached.data).toHaveLength(1);
  });

  it('holds no secret in clear', () => {
    const bytes = readFileSync(whole);
    for (const secret of [INSTANCE_KEY, PASSPHRASE, token, supplierKey, broker.adminKey, broker.provisionSecret]) {
      expect(bytes.includes(secret)).toBe(false);
    }
  });

  it('of a stopped broker restores to the same records, every one', async () => {
    const copy = fresh();
    await broker.kill();
    cpSync(dataDir, copy, { recursive: true });
    await broker.restart();
    const file = join(folder, 'offline.backup');
    expect(await runCli(['backup', file, '--data-dir', copy])).toMatchObject({ code: 0, stderr: '' });
    const to = fresh();
    expect(await runCli(['restore', file, '--data-dir', to])).toMatchObject({ code: 0 });
    expect(await dump(to)).toEqual(await dump(copy));
    expect(existsSync(join(to, 'instance.key'))).toBe(false);
  });

  it('of a data directory that a broker uses is refused, as is one where nothing is', async () => {
    const used = await runCli(['backup', join(folder, 'no'), '--data-dir', dataDir]);
    expect([used.code, used.stderr]).toEqual([1, expect.stringContaining('STORE_LOCKED')]);
    const none = await runCli(['backup', join(folder, 'no'), '--data-dir', join(folder, 'nothing')]);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('NOT_FOUND')]);
    expect([existsSync(join(folder, 'no')), existsSync(join(folder, 'nothing'))]).toEqual([false, false]);
  });

  it('takes the key only with a good passphrase, and only the right key', async () => {
    const file = join(folder, 'never');
    const none = await online(file, key, '--with-key');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('GRIDMOOR_BACKUP_PASSPHRASE')]);
    const short = await online(file, { ...key, GRIDMOOR_BACKUP_PASSPHRASE: 'short' }, '--with-key');
    expect([short.code, short.stderr]).toEqual([1, expect.stringContaining('12 characters')]);
    const other = {
      GRIDMOOR_SECRET_KEY: 'another-key-0123456789abcdefghijklmnop',
      GRIDMOOR_BACKUP_PASSPHRASE: PASSPHRASE,
    };
    expect(await online(file, other, '--with-key')).toMatchObject({ code: 1 });
    expect((await online(whole)).stderr).toContain('is there already');
    expect(existsSync(file)).toBe(false);
  });

  describe('a restore that is refused leaves nothing', () => {
    let to = '';
    afterEach(() => expect(existsSync(to) ? readdirSync(to) : []).toEqual([]));
    const refused = async (bytes: Buffer, words: string, ...more: string[]) => {
      const file = fresh();
      to = fresh();
      writeFileSync(file, bytes);
      const ran = await restore(file, to, ...more);
      expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(words)]);
    };
    const changed = (header: (fields: Record<string, unknown>) => object): Buffer => {
      const bytes = readFileSync(whole);
      const end = bytes.indexOf('\n');
      const fields = JSON.parse(bytes.toString('utf8', 0, end)) as Record<string, unknown>;
      return Buffer.concat([Buffer.from(JSON.stringify(header(fields))), bytes.subarray(end)]);
    };

    it('a file that is cut short, longer, or changed in one bit', async () => {
      const bytes = readFileSync(whole);
      await refused(bytes.subarray(0, -1), 'cut short');
      await refused(Buffer.concat([bytes, Buffer.from('x')]), 'cut short or changed');
      const flipped = Buffer.from(bytes);
      const at = Math.floor(bytes.length * 0.9);
      flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
      await refused(flipped, 'checksum');
    });

    it.each([
      ['nothing', Buffer.alloc(0)],
      ['binary', Buffer.from([0, 255, 254, 0, 10, 1])],
      ['another text', Buffer.from('hello\n')],
      ['other JSON', Buffer.from('[]\n')],
      ['null', Buffer.from('null\n')],
      ['a first line without end', Buffer.alloc(100_000, 0x20)],
      ['deep JSON', Buffer.from(`${'['.repeat(5_000)}\n`)],
    ])('%s', (_name, bytes) => refused(bytes, 'FILE_INVALID'));

    it('a header with wrong types, or of a newer version', async () => {
      await refused(
        changed((fields) => ({ ...fields, bytes: '1' })),
        'first line is damaged',
      );
      await refused(
        changed((fields) => ({ ...fields, sha256: 1 })),
        'first line is damaged',
      );
      await refused(
        changed((fields) => ({ ...fields, key: 'x' })),
        'first line is damaged',
      );
      await refused(
        changed((fields) => ({ ...fields, format: 2 })),
        'newer gridmoor',
      );
      await refused(
        changed((fields) => ({ ...fields, keyCheck: '0'.repeat(64) })),
        'instance key',
        '--with-key',
      );
      await refused(
        changed(({ key: _key, ...fields }) => fields),
        'holds no instance key',
        '--with-key',
      );
      await refused(
        changed((fields) => ({ ...fields, key: { salt: 'AA', sealed: 'A' } })),
        'passphrase',
        '--with-key',
      );
    });
  });

  it('never writes into a directory that holds anything', async () => {
    const to = fresh();
    mkdirSync(to);
    writeFileSync(join(to, 'admin.key'), 'gma_something-that-is-there');
    const ran = await restore(whole, to);
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('is not empty')]);
    expect(readdirSync(to)).toEqual(['admin.key']);
    expect((await restore(whole, dataDir)).code).toBe(1);
  });
});
