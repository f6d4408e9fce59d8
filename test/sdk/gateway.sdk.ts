import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, attributes, deviceId, latest, provision } from '../helpers/system.ts';
import { withProfiles } from './folders.ts';
import { Sdk } from './sdk.ts';

describe('official Python SDK: gateway client', () => {
  let broker: Broker;
  let profiles: Awaited<ReturnType<typeof withProfiles>>;
  let sdk: Sdk;
  let count = 0;
  let a: string;
  let b: string;

  beforeAll(async () => {
    profiles = await withProfiles();
    broker = await startBroker({ profilesDir: profiles.folder });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await profiles.remove();
  });
  beforeEach(async () => {
    sdk = Sdk.start();
    const name = `sdk-gateway-${++count}`;
    a = `${name}-a`;
    b = `${name}-b`;
    const answer = await provision(broker, { deviceName: name, token: `token-of-${name}-0123456789`, gateway: true });
    await sdk.call('connect', {
      host: '127.0.0.1',
      port: broker.ports.mqtt,
      token: answer.credentialsValue,
      gateway: true,
    });
    return () => sdk[Symbol.asyncDispose]();
  });

  const setShared = async (name: string, values: Record<string, unknown>) => {
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`;
    await api(broker, path, { method: 'POST', body: values });
  };

  it('80: takes its limits, and those of its devices', async () => {
    const limits = await sdk.call<Record<string, unknown>>('call', { method: 'getSessionLimits', params: {} });
    expect(Object.keys(limits)).toContain('gatewayRateLimits');
    expect(sdk.log.join('\n')).toContain('Current limits for devices connected through the gateway');
  });

  it('80: connects two devices and sends their telemetry and attributes', async () => {
    expect(await sdk.call('gw_connect', { device: a, type: 'sensor' })).toBe(0);
    expect(await sdk.call('gw_connect', { device: b })).toBe(0);
    expect(await sdk.call('gw_telemetry', { device: a, data: { t: 1 } })).toBe(0);
    expect(await sdk.call('gw_telemetry', { device: b, data: [{ ts: 1_700_000_000_000, values: { t: 2 } }] })).toBe(0);
    expect(await sdk.call('gw_attributes', { device: a, data: { fw: '1.0' } })).toBe(0);
    expect(await latest(broker, a)).toEqual({ t: '1' });
    expect(await latest(broker, b)).toEqual({ t: '2' });
    expect(await attributes(broker, a, 'CLIENT_SCOPE')).toMatchObject({ fw: '1.0' });
    const device = await api<{ type: string }>(broker, `/api/device/${await deviceId(broker, a)}`);
    expect(device.type).toBe('sensor');
    expect(await sdk.call('gw_disconnect', { device: a })).toBe(0);
  });

  it('80: asks for attributes of a device', async () => {
    await sdk.call('gw_connect', { device: a });
    await sdk.call('gw_attributes', { device: a, data: { k1: 1, k2: 'two' } });
    await setShared(a, { s1: 5 });
    expect(await sdk.call('gw_request', { device: a, keys: ['k1', 'k2'] })).toMatchObject({
      device: a,
      values: { k1: 1, k2: 'two' },
    });
    expect(await sdk.call('gw_request', { device: a, keys: ['s1'], shared: true })).toMatchObject({
      device: a,
      value: 5,
    });
  });

  it('80: hears of shared attributes of a device', async () => {
    await sdk.call('gw_connect', { device: a });
    await sdk.call('gw_subscribe', { device: a });
    await setShared(a, { period: 9 });
    expect(await sdk.event('gw_attributes')).toEqual({ device: a, data: { period: 9 } });
  });

  it('80: passes a call to a device on, and the answer back', async () => {
    await sdk.call('gw_connect', { device: a });
    const answer = await api(broker, `/api/rpc/twoway/${await deviceId(broker, a)}`, {
      method: 'POST',
      body: { method: 'open', params: { valve: 2 }, timeout: 10_000 },
    });
    expect(await sdk.event('gw_rpc')).toMatchObject({ device: a, data: { method: 'open', params: { valve: 2 } } });
    expect(answer).toEqual({ echo: { valve: 2 } });
  });

  it('80: claims for a device, and goes on', async () => {
    await sdk.call('gw_connect', { device: a });
    expect(await sdk.call('gw_claim', { device: a, secret: 'mine', duration: 60_000 })).toBe(0);
    expect(await sdk.call('gw_telemetry', { device: a, data: { t: 3 } })).toBe(0);
  });
});
