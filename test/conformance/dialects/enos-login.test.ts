import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import { api } from '../../helpers/system.ts';
import {
  addDevice,
  answerTo,
  audited,
  channelNames,
  codeOf,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  issued,
  openThing,
  startDialects,
} from './kit.ts';

const E1_SHA256 = '65f6002c9364d5b98b9beb727852dd965d14f409d3131f5d7672a739c8b77a87';
const E2 = '815AA3EF7B37E86DB427E8F04EE938AAF0983DED06281DACE1DBDFDD14F0F06E';
const userName = 'dK987654&pK11111';
const e1 = (password: string, method = 'sha256') => ({
  clientId: `id123456|securemode=2,signmethod=${method},timestamp=1234567890|`,
  userName,
  password,
});
const e2 = { clientId: 'id123456|securemode=3,signmethod=sha256,timestamp=1234567890|', userName, password: E2 };
const e7 = {
  clientId: 'pK11111|securemode=4,signmethod=sha256,timestamp=1700000000000|',
  userName: '%channel%&pK11111',
  password: '1af4064a8a83ad5dbf019d821464805bbdf8f1bc9bf0446d1a4691b1aaa71cf6',
};

/** Another product, static and without an integration channel. */
const STATIC = 'pK-static';

describe('EnOS', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  beforeAll(async () => {
    chain = await eventChain('Other');
    const secrets = [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }];
    const provision = { strategy: 'check-pre-provisioned-devices' };
    dialects = await startDialects(
      [
        enosProfile('rod', { integration: { enabled: true } }),
        enosProfile('static', { product: { key: STATIC, secrets }, provision }),
      ],
      { chainsDir: chain.chainsDir },
    );
    broker = dialects.broker;
    await addDevice(broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret);
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  it('case 1: the signature of E1 is taken in upper and in lower case, and the device is active', async () => {
    const { id } = await api<{ id: { id: string } }>(broker, `/api/tenant/devices?deviceName=${ENOS.deviceKey}`).then(
      (device) => device.id,
    );
    expect(await codeOf(broker, e1(E1_SHA256.toUpperCase()))).toBe(0);
    expect(await codeOf(broker, e1(E1_SHA256), { tls: false })).toBe(0);
    expect(await audited(broker, `device:${id}`)).toContain('device.activate: active');
    expect(await codeOf(broker, e1(E1_SHA256), { version: 5 })).toBe(0);
  });

  it('case 2: the packet of the Python SDK, with an alias of the hash and a fraction in its timestamp', async () => {
    const names = {
      clientId: 'dK987654|securemode=2,signmethod=hmacsha256,timestamp=1700000000000.123|',
      userName,
      password: 'f47cacf7dadf10964f10c596900b8662650bec043c67cf81bb27ef563831e4e6',
    };
    expect(await codeOf(broker, names)).toBe(0);
  });

  it('case 3: the packets of the Java SDK, with braces, and of the C SDK, with a timestamp in 2050', async () => {
    const java = {
      clientId: 'dK987654{ip=10.0.0.5,version=2.2.19}|securemode=2,signmethod=sha256,timestamp=1700000000000|',
      userName,
      password: '14a1964788e6a430536fd1bf912df7a57ca8f3b71d222f4e58e5015d6cd16563',
    };
    const c = {
      clientId: 'pK11111.dK987654|securemode=2,signmethod=sha256,timestamp=2524608000000|',
      userName,
      password: 'B6CADAF7AE76A148761438818231AEC8302ABD4F39E3BFB2DC6A3DEC26F8673B',
    };
    expect(await codeOf(broker, java)).toBe(0);
    expect(await codeOf(broker, c)).toBe(0);
  });

  it('case 4: the true HMAC of the same content is denied, and the audit has it', async () => {
    const names = e1('3fd261b935ea19c0a23d0e85e9df605987c1569b185fe4fe0dc52a156b821ca5');
    expect(await codeOf(broker, names)).toBe(4);
    expect(await codeOf(broker, names, { version: 5 })).toBe(0x86);
    expect(await audited(broker, 'profile:rod')).toContain('device.login: unknown');
  });

  it('case 5: SHA-1 and MD5 are denied, and taken where the profile allows legacy hashes', async () => {
    const sha1 = e1('F276430A45EF950B58555DE68CD3A9A5FC11381A', 'sha1');
    const md5 = e1('8916b31be9cd4baef7e1b9533da6d536', 'md5');
    expect(await codeOf(broker, sha1)).toBe(4);
    expect(await codeOf(broker, md5)).toBe(4);
    await using legacy = await startDialects([enosProfile('rod', { compat: { legacyHashes: true } })]);
    await addDevice(legacy.broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret);
    expect(await codeOf(legacy.broker, sha1)).toBe(0);
    expect(await codeOf(legacy.broker, md5)).toBe(0);
    expect(await codeOf(legacy.broker, e1(E1_SHA256))).toBe(0);
  });

  it('case 6: the integration channel of E7 may publish to its own topics only, and only where it is enabled', async () => {
    await using channel = await openThing(broker, e7);
    expect(await channel.connack()).toBe(0);
    expect(await channel.subscribe('/sys/pK11111/integration/measurepoint/post_reply', '#')).toEqual([1, 128]);
    const topic = '/sys/pK11111/dK987654/thing/measurepoint/post';
    channel.send({ cmd: 'publish', topic, payload: '{}', qos: 1, dup: false, retain: false, messageId: 7 });
    await channel.ended();
    // Its signature carries the secret of the product.
    expect(await codeOf(broker, e7, { tls: false })).toBe(5);
    expect(await codeOf(broker, { ...e7, password: 'f'.repeat(64) })).toBe(4);
    expect(await codeOf(broker, channelNames(STATIC, ENOS.productSecret))).toBe(5);
  });

  it('case 7: the secret is pushed right behind the CONNACK, without a subscription', async () => {
    const { id } = await addDevice(broker, 'rod', 'rod-7');
    const names = enosNames({ deviceKey: 'rod-7', secret: ENOS.productSecret, mode: 3 });
    const { packets, firstChunk, gapMs } = await answerTo(broker, names);
    const [connack, push] = packets;
    expect(connack).toMatchObject({ cmd: 'connack', returnCode: 0 });
    expect(push).toMatchObject({ cmd: 'publish', topic: '/ext/session/pK11111/rod-7/thing/activate/info', qos: 0 });
    const text = push?.cmd === 'publish' ? push.payload.toString() : '';
    const params = { assetId: id, productKey: 'pK11111', deviceKey: 'rod-7', deviceSecret: expect.any(String) };
    expect(JSON.parse(text)).toEqual({ id: '1', version: '1.0', method: 'thing.activate.info', params });
    expect(text).not.toMatch(/: |, /);
    // Both in one write: the client of EnOS in C waits no longer than one read.
    expect(firstChunk).toBeGreaterThan(text.length);
    expect(gapMs).toBeLessThan(100);
    const { deviceSecret } = (JSON.parse(text) as { params: { deviceSecret: string } }).params;
    expect(deviceSecret).toMatch(/^[0-9a-f]{32}$/);
    expect(await codeOf(broker, enosNames({ deviceKey: 'rod-7', secret: deviceSecret }))).toBe(0);
  });

  it('case 7: E2 and E6, signed by SDKs with the secret of the product, are taken as activations', async () => {
    const e6 = {
      clientId: 'pK11111.dK987654|securemode=3,signmethod=sha256,timestamp=2524608000000|',
      userName,
      password: 'AB4F7EEB56E4264AEC02F6119AECDA71379E8D375E22A40DD7F08B13656FBAD1',
    };
    // The device is active: 5 says that the signature was right, and 4 that it was not.
    expect(await issued(broker, e2)).toBe(5);
    expect(await issued(broker, e6)).toBe(5);
    expect(await issued(broker, { ...e6, password: e6.password.replace('A', 'B') })).toBe(4);
  });

  it('case 8: after the login with the secret the activation is denied, and chains hear of it', async () => {
    const { id } = await addDevice(broker, 'rod', 'rod-8');
    const activation = enosNames({ deviceKey: 'rod-8', secret: ENOS.productSecret, mode: 3 });
    const first = (await issued(broker, activation)) as { params: { deviceSecret: string } };
    expect(await codeOf(broker, enosNames({ deviceKey: 'rod-8', secret: first.params.deviceSecret }))).toBe(0);
    expect(await issued(broker, activation)).toBe(5);
    expect(await audited(broker, `device:${id}`)).toContain('device.register: repeat');
    const data = { productKey: 'pK11111', serial: 'rod-8', address: '127.0.0.1', reason: 'repeat' };
    await expect
      .poll(async () => (await eventsOf(broker, 'rod-8')).filter(({ msgType }) => msgType === 'PROVISION_REPEAT'), {
        timeout: 10_000,
      })
      .toMatchObject([{ data }]);
  });

  it('case 9: until then the same secret is pushed again, to a device that lost its connection', async () => {
    await addDevice(broker, 'rod', 'rod-9');
    const activation = enosNames({ deviceKey: 'rod-9', secret: ENOS.productSecret, mode: 3 });
    const secrets = [];
    for (let times = 0; times < 3; times++) secrets.push(await issued(broker, activation));
    await broker.restart('SIGKILL');
    secrets.push(await issued(broker, activation));
    expect(new Set(secrets.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(secrets[0]).toMatchObject({ params: { deviceSecret: expect.stringMatching(/^[0-9a-f]{32}$/) } });
  });

  it('case 10: switched off, not registered, wrongly signed and of no product are denied alike', async () => {
    await addDevice(broker, 'rod', 'rod-10');
    await addDevice(broker, 'static', 'static-1');
    const secret = ENOS.productSecret;
    const cases = {
      off: enosNames({ deviceKey: 'static-1', productKey: STATIC, secret, mode: 3 }),
      unknown: enosNames({ deviceKey: 'nobody-1', secret, mode: 3 }),
      signature: enosNames({ deviceKey: 'rod-10', secret: `${secret}.`, mode: 3 }),
      product: enosNames({ deviceKey: 'rod-10', productKey: 'pK-nobody', secret, mode: 3 }),
    };
    const answers: string[] = [];
    for (const names of Object.values(cases)) answers.push(JSON.stringify((await answerTo(broker, names)).packets));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('"returnCode":4');
    const activation = enosNames({ deviceKey: 'rod-10', secret, mode: 3 });
    expect(await issued(broker, activation)).toMatchObject({ params: { deviceKey: 'rod-10' } });
  });
});
