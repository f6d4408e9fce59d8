import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ALIBABA,
  addDevice,
  alibabaProfile,
  type DialectBroker,
  ENOS,
  enosProfile,
  startDialects,
} from '../conformance/dialects/kit.ts';
import { latest } from '../conformance/dialects/messages.ts';
import type { Broker } from '../helpers/broker.ts';
import { VENDOR_CERT, VENDOR_KEY } from './https.ts';
import { Sdk } from './sdk.ts';

const OK = { code: 200 };
const AT = 1_700_000_000_000;
const SUB = 'subPK';
const ALI_SUB = 'b1SubPk';

const product = (key: string, env: string) => ({ key, secrets: [{ secret: { env }, state: 'current' }] });
const open = { strategy: 'allow-create-new-devices', dynamic: true };

describe('gateways with the Python SDKs of EnOS and Alibaba Cloud', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    const gateway = (profile: string) => ({ gateway: { children: { profiles: [profile] } } });
    const compat = { legacyHashes: true };
    dialects = await startDialects(
      [
        enosProfile('gate', gateway('sub')),
        enosProfile('sub', { product: product(SUB, 'ENOS_SECRET'), provision: open }),
        alibabaProfile('ali-gate', { ...gateway('ali-sub'), compat }),
        alibabaProfile('ali-sub', { product: product(ALI_SUB, 'ALIBABA_SECRET') }),
      ],
      { env: { MQTT_SSL_PEM_CERT: VENDOR_CERT, MQTT_SSL_PEM_KEY: VENDOR_KEY } },
    );
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  describe('EnOS', () => {
    let sdk: Sdk;
    let count = 0;
    beforeEach(async () => {
      sdk = Sdk.start('enos');
      const device = `gate-${++count}`;
      const { deviceSecret: secret } = await addDevice(broker, 'gate', device);
      const url = `ssl://localhost:${broker.ports.mqtts}`;
      await sdk.call('connect', { url, product: ENOS.productKey, device, secret, ca: VENDOR_CERT });
      return () => sdk[Symbol.asyncDispose]();
    });

    it('asset 14: registers a sub-device, logs it in, posts for it, and logs it out', async () => {
      const of = { product: SUB, device: 'inverter-1' };
      const made = await sdk.call<{ data: { assetId: string; deviceSecret: string }[] }>('register', of);
      expect(made).toMatchObject(OK);
      const { assetId = '', deviceSecret: secret = '' } = made.data[0] ?? {};
      expect(await sdk.call('login', { ...of, secret: 'wrong' })).not.toMatchObject(OK);
      expect(await sdk.call('login', { ...of, secret })).toMatchObject(OK);
      expect(await sdk.call('measurepoints', { values: { power: 5 }, time: AT, ...of })).toMatchObject(OK);
      expect(await latest(broker, assetId)).toEqual({ power: [AT, 5] });
      expect(await sdk.call('logout', of)).toMatchObject(OK);
      expect(await sdk.call('measurepoints', { values: { power: 6 }, ...of })).toMatchObject({ code: 1009 });
    });

    it('asset 14: activates a sub-device with the secret of its product', async () => {
      const of = { product: SUB, device: 'inverter-2' };
      const login = await sdk.call<{ data: { deviceSecret: string } }>('activate', {
        ...of,
        product_secret: ENOS.productSecret,
      });
      expect(login).toMatchObject({ ...OK, data: { deviceSecret: expect.stringMatching(/^[0-9a-f]{32}$/) } });
    });

    it('asset 14: adds, lists and deletes its topology, and logs in a batch', async () => {
      const secrets: Record<string, string> = {};
      for (const name of ['inverter-3', 'inverter-4']) {
        secrets[name] = (await addDevice(broker, 'sub', name)).deviceSecret;
      }
      const of = { product: SUB, device: 'inverter-3' };
      expect(await sdk.call('topo_add', { ...of, secret: secrets['inverter-3'] })).toMatchObject(OK);
      expect(await sdk.call('topo_get')).toMatchObject({ ...OK, data: [{ productKey: SUB, deviceKey: of.device }] });
      expect(await sdk.call('topo_delete', of)).toMatchObject(OK);
      expect(await sdk.call('topo_get')).toMatchObject({ ...OK, data: [] });
      expect(await sdk.call('login_batch', { product: SUB, secrets })).toMatchObject(OK);
      const samples = [[{ power: 1 }, AT]];
      expect(await sdk.call('batch', { samples, product: SUB, device: 'inverter-4' })).toMatchObject(OK);
    });
  });

  it('asset 14: Alibaba Cloud: registers, joins, logs in, posts for a sub-device, and takes it away', async () => {
    await using sdk = Sdk.start('alibaba');
    const { deviceSecret: secret } = await addDevice(broker, 'ali-gate', 'ali-gate-1');
    const { id } = await addDevice(broker, 'ali-sub', 'lamp-1');
    const host = `${ALIBABA.productKey}.iot-as-mqtt.cn-test.aliyuncs.com`;
    await sdk.call('resolve', { names: { [host]: broker.ports.mqtts } });
    await sdk.call('connect', { product: ALIBABA.productKey, device: 'ali-gate-1', ca: VENDOR_CERT, secret });
    type Registered = { data: { deviceSecret: string }[] };
    const made = await sdk.call<Registered>('register', { devices: [[ALI_SUB, 'lamp-1']] });
    expect(made).toMatchObject(OK);
    const devices = [[ALI_SUB, 'lamp-1', made.data[0]?.deviceSecret]];
    expect(await sdk.call('topo_add', { devices })).toMatchObject(OK);
    expect(await sdk.call('login', { devices })).toMatchObject(OK);
    const topic = `/sys/${ALI_SUB}/lamp-1/thing/event/property/post`;
    const payload = JSON.stringify({ id: '9', version: '1.0', params: { on: { value: 1, time: AT } } });
    expect(await sdk.call('publish', { topic, payload })).toBe(0);
    await expect.poll(() => latest(broker, id)).toEqual({ on: [AT, 1] });
    expect(await sdk.call('logout', { devices })).toMatchObject(OK);
    expect(await sdk.call('topo_delete', { devices })).toMatchObject(OK);
  });
});
