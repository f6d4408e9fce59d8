import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, attributes, deviceId, latest, newDevice } from '../helpers/system.ts';
import { withChain } from './folders.ts';
import { Sdk } from './sdk.ts';

/** As the packages name them: TBDeviceMqttClient over MQTT 5. */
describe('official Python SDK: device client', () => {
  let broker: Broker;
  let chains: Awaited<ReturnType<typeof withChain>>;
  let sdk: Sdk;
  let count = 0;
  let name: string;

  beforeAll(async () => {
    chains = await withChain();
    broker = await startBroker({ chainsDir: chains.folder });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await chains.remove();
  });

  const connect = async (more: Record<string, unknown> = {}): Promise<Record<string, unknown>> => {
    const token = await newDevice(broker, name);
    return sdk.call('connect', { host: '127.0.0.1', port: broker.ports.mqtt, token, ...more });
  };
  const setShared = async (values: Record<string, unknown>) => {
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`;
    await api(broker, path, { method: 'POST', body: values });
  };

  beforeEach(() => {
    sdk = Sdk.start();
    name = `sdk-device-${++count}`;
    return () => sdk[Symbol.asyncDispose]();
  });

  it('79: connects, subscribes, and takes the limits from getSessionLimits', async () => {
    const limits = await connect();
    // 80 % of 65,536 bytes.
    expect(limits.maxPayloadSize).toBe(52_428);
    const answer = await sdk.call<Record<string, unknown>>('call', { method: 'getSessionLimits', params: {} });
    expect(Object.keys(answer).sort()).toEqual(['maxInflightMessages', 'maxPayloadSize', 'rateLimits']);
    expect(sdk.log.join('\n')).toContain('Service configuration was successfully retrieved and applied.');
  });

  it('79: sends telemetry: an object, a timed sample, a list, at QoS 1 and 0', async () => {
    await connect();
    expect(await sdk.call('telemetry', { data: { a: 1 } })).toBe(0);
    expect(await sdk.call('telemetry', { data: { ts: 1_700_000_000_000, values: { b: 2.5 } } })).toBe(0);
    expect(await sdk.call('telemetry', { data: [{ c: true }, { ts: 1_700_000_000_001, values: { d: 'text' } }] })).toBe(
      0,
    );
    await sdk.call('telemetry', { data: { e: 0 }, qos: 0 });
    expect(await sdk.call('telemetry', { data: { last: 1 } })).toBe(0);
    const { a, b, c, d, e } = await latest(broker, name);
    expect({ a, b, c, d, e }).toEqual({ a: '1', b: '2.5', c: 'true', d: 'text', e: '0' });
  });

  it('79: splits a message that is larger than the limit it was told', async () => {
    await connect();
    const big = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`key${index}`, 'x'.repeat(600)]));
    const results = await sdk.call<number | number[]>('telemetry', { data: big });
    expect([results].flat().every((one) => one === 0)).toBe(true);
    expect(Object.keys(await latest(broker, name)).filter((key) => key.startsWith('key'))).toHaveLength(200);
    expect(await sdk.call('is_connected')).toBe(true);
  });

  it('79: sends attributes and reads client and shared attributes', async () => {
    await connect();
    expect(await sdk.call('attributes', { data: { serial: 'A1', cfg: { x: 1 } } })).toBe(0);
    expect(await attributes(broker, name, 'CLIENT_SCOPE')).toMatchObject({ serial: 'A1', cfg: { x: 1 } });
    await setShared({ period: 60 });
    const both = await sdk.call('request_attributes', {
      client_keys: ['serial', 'cfg'],
      shared_keys: ['period', 'none'],
    });
    expect(both).toEqual({ client: { serial: 'A1', cfg: { x: 1 } }, shared: { period: 60 } });
  });

  it('79: hears of shared attributes that change and go', async () => {
    await connect();
    await sdk.call('subscribe');
    await setShared({ period: 30 });
    expect(await sdk.event('attributes')).toEqual({ period: 30 });
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE?keys=period`;
    await api(broker, path, { method: 'DELETE' });
    expect(await sdk.event('attributes')).toEqual({ deleted: ['period'] });
  });

  it('79: is called by the server, and its answer reaches the caller', async () => {
    await connect();
    const id = await deviceId(broker, name);
    const answer = await api(broker, `/api/rpc/twoway/${id}`, {
      method: 'POST',
      body: { method: 'setGpio', params: { pin: 7 }, timeout: 10_000 },
    });
    expect(await sdk.event('rpc')).toEqual({ method: 'setGpio', params: { pin: 7 } });
    expect(answer).toEqual({ echo: { pin: 7 } });
  });

  it('79: calls the server, and the chain answers', async () => {
    await connect();
    expect(await sdk.call('call', { method: 'getTime', params: { zone: 'UTC' } })).toMatchObject({ time: 'noon' });
  });

  it('79: claims', async () => {
    await connect();
    expect(await sdk.call('claim', { secret: 'mine', duration: 60_000 })).toBe(0);
    expect(await sdk.call('is_connected')).toBe(true);
  });

  it('79: comes back by itself when the broker restarts', async () => {
    await connect();
    await broker.restart();
    await expect.poll(() => sdk.call('is_connected'), { timeout: 30_000, interval: 200 }).toBe(true);
    expect(await sdk.call('telemetry', { data: { after: 1 } })).toBe(0);
    expect((await latest(broker, name)).after).toBe('1');
  });

  it('79: a wrong token is not connected', async () => {
    const outcome = sdk.call('connect', {
      host: '127.0.0.1',
      port: broker.ports.mqtt,
      token: 'no-such-token',
      deadline: 4,
    });
    await expect(outcome).rejects.toThrow('not connected');
    expect(sdk.log.join('\n')).toContain('Bad user name or password');
  });
});
