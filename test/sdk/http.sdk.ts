import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';
import { Sdk } from './sdk.ts';

describe('official Python SDK: HTTP long polls', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it('79: TBHTTPDevice hears of shared attributes', async () => {
    await using sdk = Sdk.start();
    const token = await newDevice(broker, 'sdk-poll-1');
    await sdk.call('http_connect', { url: broker.url, token });
    await sdk.call('http_subscribe', { endpoint: 'attributes' });
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'sdk-poll-1')}/SHARED_SCOPE`;
    const heard = sdk.event('http_attributes');
    // A poll may not have begun when the first write comes: what matters is that one of them is heard.
    const writing = setInterval(() => void api(broker, path, { method: 'POST', body: { period: 5 } }), 200);
    try {
      expect(await heard).toEqual({ period: 5 });
    } finally {
      clearInterval(writing);
    }
  });

  it('79: TBHTTPDevice is called by the server', async () => {
    await using sdk = Sdk.start();
    const token = await newDevice(broker, 'sdk-poll-2');
    await sdk.call('http_connect', { url: broker.url, token });
    await sdk.call('http_subscribe', { endpoint: 'rpc' });
    const id = await deviceId(broker, 'sdk-poll-2');
    await api(broker, `/api/rpc/oneway/${id}`, {
      method: 'POST',
      body: { method: 'blink', params: 3, timeout: 10_000 },
    });
    expect(await sdk.event('http_rpc')).toMatchObject({ method: 'blink', params: 3 });
  });
});
