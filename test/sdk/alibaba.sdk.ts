import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ALIBABA, addDevice, alibabaProfile, type DialectBroker, startDialects } from '../conformance/dialects/kit.ts';
import { attributes, latest, rpc } from '../conformance/dialects/messages.ts';
import type { Broker } from '../helpers/broker.ts';
import { eventChain, eventsOf } from '../helpers/event-chain.ts';
import { api } from '../helpers/system.ts';
import { assignFirmware } from './firmware.ts';
import { startHttpsProxy, VENDOR_CERT, VENDOR_KEY } from './https.ts';
import { Sdk } from './sdk.ts';

const OK = { code: 200, message: 'success' };
const AT = 1_700_000_000_000;
/** What the SDK wants to know of a device: its events and services. */
const MODEL = {
  events: [{ identifier: 'post', outputData: [] }, { identifier: 'overheat' }],
  services: [{ identifier: 'set', inputData: [] }, { identifier: 'add' }],
};

/** aliyun-iot-linkkit, as it is published; it signs logins with HMAC-SHA1. */
describe('Python SDK of Alibaba Cloud', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let https: Awaited<ReturnType<typeof startHttpsProxy>>;
  let chain: Awaited<ReturnType<typeof eventChain>>;
  let folder: string;
  let sdk: Sdk;
  let count = 0;
  let device: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridmoor-sdk-'));
    await writeFile(join(folder, 'model.json'), JSON.stringify(MODEL));
    chain = await eventChain('Other');
    const compat = { legacyHashes: true };
    const openProduct = { key: 'a2Open', secrets: [{ secret: { env: 'ALIBABA_SECRET' }, state: 'current' }] };
    dialects = await startDialects(
      [
        alibabaProfile('light', { compat, downloads: { url: 'https://iot-auth.cn-test.aliyuncs.com' } }),
        alibabaProfile('open', {
          product: openProduct,
          provision: { strategy: 'allow-create-new-devices', dynamic: true },
          compat,
        }),
      ],
      { chainsDir: chain.chainsDir, env: { MQTT_SSL_PEM_CERT: VENDOR_CERT, MQTT_SSL_PEM_KEY: VENDOR_KEY } },
    );
    broker = dialects.broker;
    https = await startHttpsProxy(broker);
  });
  afterAll(async () => {
    await https[Symbol.asyncDispose]();
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    sdk = Sdk.start('alibaba');
    device = `light-${++count}`;
    const mqtt = `.iot-as-mqtt.cn-test.aliyuncs.com`;
    const names = {
      [`${ALIBABA.productKey}${mqtt}`]: broker.ports.mqtts,
      [`a2Open${mqtt}`]: broker.ports.mqtts,
      'iot-auth.cn-test.aliyuncs.com': https.port,
    };
    await sdk.call('resolve', { names });
    return () => sdk[Symbol.asyncDispose]();
  });

  const connect = (names: Readonly<Record<string, unknown>>) =>
    sdk.call('connect', {
      product: ALIBABA.productKey,
      device,
      ca: VENDOR_CERT,
      model: join(folder, 'model.json'),
      ...names,
    });
  const online = async (): Promise<string> => {
    const { id, deviceSecret } = await addDevice(broker, 'light', device);
    await connect({ secret: deviceSecret });
    return id;
  };

  it('asset 14: logs in at the host name of its product, and not with a wrong secret', async () => {
    await online();
    await using other = Sdk.start('alibaba');
    const names = { [`${ALIBABA.productKey}.iot-as-mqtt.cn-test.aliyuncs.com`]: broker.ports.mqtts };
    await other.call('resolve', { names });
    const wrong = { product: ALIBABA.productKey, device, ca: VENDOR_CERT, secret: 'wrong', deadline: 3 };
    await expect(other.call('connect', wrong)).rejects.toThrow('not connected');
    expect(await sdk.call('is_connected')).toBe(true);
  });

  it('asset 14: registers over HTTPS, and goes on with the secret that it got', async () => {
    await addDevice(broker, 'light', device);
    await connect({ product_secret: ALIBABA.productSecret });
    expect(await sdk.event('registered')).toEqual([0, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(await sdk.event('enabled')).toBe(true);
    expect(await sdk.call('properties', { values: { on: 1 } })).toMatchObject(OK);
  });

  it('asset 14: registers over MQTT, and logs in with the secret that it got', async () => {
    await addDevice(broker, 'light', device);
    await connect({ product_secret: ALIBABA.productSecret, auth_type: 'register' });
    const [code, secret] = await sdk.event<[number, string]>('registered');
    expect(code).toBe(0);
    await connect({ secret });
    expect(await sdk.call('properties', { values: { on: 1 } })).toMatchObject(OK);
  });

  it('asset 14: registers a device that nobody announced, and logs in with the token that it got', async () => {
    const product = { product: 'a2Open' };
    await connect({ ...product, product_secret: ALIBABA.productSecret, auth_type: 'regnwl' });
    const { code, ...names } = await sdk.event<Record<string, unknown>>('token');
    expect(code).toBe(0);
    await connect({ ...product, names });
    expect(await sdk.call('properties', { values: { on: 1 } })).toMatchObject(OK);
  });

  it('asset 14: posts properties, an event and tags, and hears of each', async () => {
    const id = await online();
    const values = { on: 1, power: { value: 7.5, time: AT } };
    expect(await sdk.call('properties', { values })).toEqual({ ...OK, data: {} });
    expect(await latest(broker, id)).toEqual({ on: [expect.any(Number), 1], power: [AT, 7.5] });
    expect(await sdk.call('post_event', { name: 'overheat', values: { temp: 120 } })).toEqual({ ...OK, data: {} });
    await expect
      .poll(() => eventsOf(broker, device))
      .toContainEqual(expect.objectContaining({ msgType: 'EVENT_overheat', data: { temp: 120 } }));
    expect(await sdk.call('tags', { values: { floor: '3', side: 'north' } })).toMatchObject(OK);
    expect(await sdk.call('remove_tags', { keys: ['side'] })).toMatchObject(OK);
    expect(JSON.stringify(await attributes(broker, id, 'CLIENT'))).toContain('floor');
    expect(JSON.stringify(await attributes(broker, id, 'CLIENT'))).not.toContain('north');
  });

  it('asset 14: a service is called, a property is set and bytes come, without a subscription', async () => {
    const id = await online();
    const answer = rpc(broker, id, { method: 'add', params: { a: 40, b: 2 } });
    expect(await sdk.event('called')).toEqual({ service: 'add', params: { a: 40, b: 2 } });
    expect(await answer).toEqual({ status: 200, body: { sum: 42 } });
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { limit: 5 } });
    expect(await sdk.event('set')).toEqual({ limit: 5 });
    const params = Buffer.from('down').toString('base64');
    await rpc(broker, id, { method: 'thing.model.down_raw', params, oneway: true });
    expect(await sdk.event('raw')).toBe('down');
  });

  it('asset 14: reports and reads its shadow', async () => {
    await online();
    expect(await sdk.call('shadow_update', { reported: { color: 'red' }, version: 1 })).toBe(0);
    expect(await sdk.event('shadow')).toMatchObject({ method: 'reply', payload: { status: 'success' } });
    expect(await sdk.call('shadow_get')).toBe(0);
    const shadow = { payload: { status: 'success', state: { reported: { color: 'red' } } } };
    expect(await sdk.event('shadow')).toMatchObject(shadow);
  });

  it('asset 14: reports its version, is told of another one, and fetches it over HTTPS with its checksum', async () => {
    const id = await online();
    const bytes = Buffer.from('firmware 1.1 '.repeat(5_000));
    await sdk.call('version', { version: '1.0' });
    await expect.poll(async () => (await latest(broker, id)).current_fw_version).toMatchObject({ 1: '1.0' });
    await assignFirmware(broker, { device, title: 'light-fw', version: '1.1', bytes, algorithm: 'SHA256' });
    const [, version, size, url, method, sign] = await sdk.event<unknown[]>('upgrade');
    expect([version, size, method]).toEqual(['1.1', bytes.length, 'SHA256']);
    const path = join(folder, 'firmware.bin');
    expect(await sdk.call('download', { url, path, method, sign })).toBe(0);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    await sdk.call('version', { version: '1.1' });
    await expect.poll(async () => (await latest(broker, id)).fw_state).toMatchObject({ 1: 'UPDATED' });
  });
});
