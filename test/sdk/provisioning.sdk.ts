import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { attributes, latest, PROFILE_KEY } from '../helpers/system.ts';
import { Sdk } from './sdk.ts';

describe('official Python SDK: provisioning and HTTP', () => {
  let broker: Broker;
  let sdk: Sdk;
  beforeAll(async () => {
    broker = await startBroker();
    sdk = Sdk.start();
  });
  afterAll(async () => {
    await sdk[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  const provision = (fields: Record<string, unknown>, secret = broker.provisionSecret) =>
    sdk.call<Record<string, unknown> | null>('provision', {
      host: '127.0.0.1',
      port: broker.ports.mqtt,
      key: PROFILE_KEY,
      secret,
      ...fields,
    });
  const connect = (fields: Record<string, unknown>) =>
    sdk.call('connect', { host: '127.0.0.1', port: broker.ports.mqtt, ...fields });

  it('79: ProvisionClient gets a token of its own, or a made one, that connects', async () => {
    const own = await provision({ device_name: 'sdk-p1', access_token: 'sdk-token-of-p1-0123456789' });
    expect(own).toEqual({
      status: 'SUCCESS',
      credentialsType: 'ACCESS_TOKEN',
      credentialsValue: 'sdk-token-of-p1-0123456789',
    });
    const made = await provision({ device_name: 'sdk-p2' });
    await connect({ token: made?.credentialsValue });
    expect(await sdk.call('telemetry', { data: { p: 2 } })).toBe(0);
    await sdk.call('disconnect');
    expect(await latest(broker, 'sdk-p2')).toEqual({ p: '2' });
  });

  it('79: ProvisionClient gets MQTT_BASIC credentials that connect, also when it sends nulls for the missing ones', async () => {
    const full = await provision({ device_name: 'sdk-p3', client_id: 'c3', username: 'u3', password: 'p3' });
    const { userName, password, clientId } = (full?.credentialsValue ?? {}) as Record<string, string>;
    await connect({ token: userName, password, client_id: clientId });
    await sdk.call('disconnect');
    const partial = await provision({ device_name: 'sdk-p4', username: 'u4' });
    expect(partial).toMatchObject({ status: 'SUCCESS', credentialsType: 'MQTT_BASIC' });
    await connect({ token: 'u4' });
    await sdk.call('disconnect');
  });

  it('79: ProvisionClient gives nothing for a wrong secret', async () => {
    expect(await provision({ device_name: 'sdk-p5' }, 'wrong')).toBeNull();
  });

  it('79: TBHTTPDevice provisions, connects, sends and reads', async () => {
    const token = await sdk.call<string>('http_provision', {
      url: broker.url,
      name: 'sdk-h1',
      key: PROFILE_KEY,
      secret: broker.provisionSecret,
    });
    expect(await sdk.call('http_connect', { url: broker.url, token })).toBe(true);
    await sdk.call('http_telemetry', { data: { t: 21.5 } });
    await sdk.call('http_attributes', { data: { serial: 'H1' } });
    expect(await latest(broker, 'sdk-h1')).toEqual({ t: '21.5' });
    expect(await attributes(broker, 'sdk-h1', 'CLIENT_SCOPE')).toMatchObject({ serial: 'H1' });
    expect(await sdk.call('http_request_attributes')).toMatchObject({ client: { serial: 'H1' } });
  });
});
