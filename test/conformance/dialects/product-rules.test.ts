import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectThrottle } from '../../../src/device-api/connect-throttle.ts';
import { newDeviceId } from '../../../src/model/ids.ts';
import { loadProfiles } from '../../../src/profiles/index.ts';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import { api } from '../../helpers/system.ts';
import {
  addDevice,
  codeOf,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  issued,
  postForm,
  startDialects,
} from './kit.ts';

const FUTURE = '2099-01-01T00:00:00Z';
const PAST = '2020-01-01T00:00:00Z';
const FORMER = 'pS-former-0123456789';

describe('rules of a product', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  beforeAll(async () => {
    chain = await eventChain('Other');
    const rotated = (key: string, until: string) => ({
      key,
      secrets: [
        { secret: { env: 'ENOS_SECRET' }, state: 'current' },
        { secret: { env: 'FORMER_SECRET' }, state: 'previous', until },
      ],
    });
    const { limits: _, ...standard } = enosProfile('rod');
    dialects = await startDialects(
      [
        standard as { name: string },
        enosProfile('overlap', { product: rotated('pK-overlap', FUTURE) }),
        enosProfile('secure', { product: rotated('pK-secure', FUTURE), listeners: { requireTls: true } }),
        { name: 'meter', listeners: { requireTls: true } },
        enosProfile('over', { product: rotated('pK-over', PAST) }),
      ],
      { chainsDir: chain.chainsDir, env: { FORMER_SECRET: FORMER } },
    );
    broker = dialects.broker;
    await addDevice(broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret);
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  it('case 30: the fifth connect within two minutes is blocked, for five minutes, and chains hear of it', async () => {
    await addDevice(broker, 'rod', 'rod-0030', ENOS.deviceSecret);
    const names = enosNames({ deviceKey: 'rod-0030', secret: ENOS.deviceSecret });
    for (let times = 0; times < 4; times++) expect(await codeOf(broker, names)).toBe(0);
    expect(await codeOf(broker, names)).toBe(3);
    expect(await codeOf(broker, names, { version: 5 })).toBe(0x9f);
    // Another device is not touched, and wrong signatures block nobody.
    await addDevice(broker, 'rod', 'rod-0031', ENOS.deviceSecret);
    const other = enosNames({ deviceKey: 'rod-0031', secret: ENOS.deviceSecret });
    for (let times = 0; times < 5; times++)
      expect(await codeOf(broker, { ...other, password: 'f'.repeat(64) })).toBe(4);
    expect(await codeOf(broker, other)).toBe(0);
    await expect
      .poll(async () => (await eventsOf(broker, 'rod-0030')).map(({ msgType }) => msgType), { timeout: 10_000 })
      .toContain('RATE_LIMITED');

    // The same limits, by a clock of the test's.
    const dir = await mkdtemp(join(tmpdir(), 'gridmoor-limits-'));
    const { limits: _, ...standard } = enosProfile('rod');
    await writeFile(join(dir, 'rod.json'), JSON.stringify(standard));
    const loaded = await loadProfiles(dir, { env: { ENOS_SECRET: ENOS.productSecret } });
    await rm(dir, { recursive: true });
    const limit = loaded.ok ? loaded.profiles.byName('rod')?.limits.connects : undefined;
    let now = 0;
    const throttle = new ConnectThrottle({ now: () => now, monotonic: () => now });
    const device = newDeviceId(1);
    const tries = Array.from({ length: 5 }, () => throttle.mayConnect(device, limit));
    expect(tries).toEqual([true, true, true, true, false]);
    now = 299_999;
    expect(throttle.mayConnect(device, limit)).toBe(false);
    now = 300_000;
    expect(throttle.mayConnect(device, limit)).toBe(true);
  });

  it('case 26: where TLS is required, no device is let in without it, over MQTT or HTTP', async () => {
    const { deviceSecret: secret } = await addDevice(broker, 'secure', 'rod-0026');
    const names = enosNames({ deviceKey: 'rod-0026', productKey: 'pK-secure', secret });
    expect(await codeOf(broker, names, { tls: false })).toBe(5);
    expect(await codeOf(broker, names)).toBe(0);
    const credentials = { type: 'ACCESS_TOKEN', token: 'token-of-meter-0026' };
    await api(broker, '/api/gridmoor/devices', {
      method: 'POST',
      body: { name: 'meter-0026', profile: 'meter', credentials },
    });
    const byToken = { clientId: 'any', userName: credentials.token, password: '' };
    expect(await codeOf(broker, byToken, { tls: false })).toBe(5);
    expect(await codeOf(broker, byToken)).toBe(0);
    const path = `/api/v1/${credentials.token}/telemetry`;
    expect((await fetch(`${broker.url}${path}`, { method: 'POST', body: '{"a":1}' })).status).toBe(401);
    expect((await postForm(broker, path, { a: '1' })).status).not.toBe(401);
  });

  it('case 33: the previous secret of a product is taken until its end, and denied after it', async () => {
    for (const [profile, productKey, expected] of [
      ['overlap', 'pK-overlap', 'issued'],
      ['over', 'pK-over', 4],
    ] as const) {
      const deviceKey = `${profile}-1`;
      await addDevice(broker, profile, deviceKey);
      const byFormer = await issued(broker, enosNames({ deviceKey, productKey, secret: FORMER, mode: 3 }));
      expect(typeof byFormer === 'number' ? byFormer : 'issued').toBe(expected);
      const byCurrent = enosNames({ deviceKey, productKey, secret: ENOS.productSecret, mode: 3 });
      expect(await issued(broker, byCurrent)).toMatchObject({ params: { deviceKey } });
    }
  });

  it('case 46: client ids that nobody would send are refused, and the broker goes on', async () => {
    const good = enosNames({ deviceKey: ENOS.deviceKey, secret: ENOS.deviceSecret });
    const parts = 'securemode=2,signmethod=sha256,timestamp=1700000000000';
    const ids = [
      ENOS.deviceKey,
      `${ENOS.deviceKey}|`,
      `|${parts}|`,
      `${ENOS.deviceKey}|${parts}`,
      `${ENOS.deviceKey}|${parts},securemode=2|`,
      `${ENOS.deviceKey}|${parts}|${parts}|`,
      `${ENOS.deviceKey}|securemode=__proto__,signmethod=constructor|`,
      `${ENOS.deviceKey}|${'x=1,'.repeat(200)}|`,
      `${'a'.repeat(4096)}|${parts}|`,
      `a\u0000b|${parts}|`,
      `\ud800|${parts}|`,
    ];
    const codes = [];
    for (const clientId of ids) codes.push(await refusalOf(broker, { ...good, clientId }));
    for (const password of ['', 'zz', '0'.repeat(63), '0'.repeat(65), 'é'.repeat(64), '0'.repeat(9000)]) {
      codes.push(await refusalOf(broker, { ...good, password }));
    }
    for (const userName of [
      '&',
      '&pK11111',
      `${ENOS.deviceKey}&`,
      'a&b&c',
      `%channel%&pK11111`,
      `__proto__&__proto__`,
    ]) {
      codes.push(await refusalOf(broker, { ...good, userName }));
    }
    expect(codes.filter((code) => code === 0)).toEqual([]);
    for (let times = 0; times < 50; times++) await rawConnect(broker.ports.mqtt, randomBytes(64));
    // Names that the dialect does not know are let pass.
    expect(await codeOf(broker, { ...good, clientId: `${ENOS.deviceKey}|${parts},__proto__=1,constructor=2|` })).toBe(
      0,
    );
    expect(await codeOf(broker, good)).toBe(0);
    expect([...broker.stdout, ...broker.stderr].filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });
});

/** The CONNACK code, or that the connection ended without one. */
const refusalOf = (broker: Broker, names: Parameters<typeof codeOf>[1]): Promise<number | 'ended'> =>
  codeOf(broker, names, { tls: false }).catch(() => 'ended' as const);

/** A CONNECT whose client id is these bytes, which may be no UTF-8; resolves when the broker has answered or hung up. */
async function rawConnect(port: number, clientId: Buffer): Promise<void> {
  const text = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  const body = Buffer.concat([
    text(Buffer.from('MQTT')),
    Buffer.from([4, 0xc2, 0, 60]),
    text(Buffer.concat([clientId, Buffer.from('|securemode=2|')])),
    text(Buffer.from(`${ENOS.deviceKey}&${ENOS.productKey}`)),
    text(Buffer.from('00')),
  ]);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
    socket.on('error', () => {});
    socket.write(Buffer.concat([Buffer.from([0x10, ...length]), body]));
  });
  socket.destroy();
}
