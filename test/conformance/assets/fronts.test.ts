import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { CoapPeer } from '../../helpers/coap-peer.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import {
  ALIBABA,
  addDevice,
  alibabaNames,
  alibabaProfile,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  openThing,
  startDialects,
} from '../dialects/kit.ts';
import { latest, publishAndRead } from '../dialects/messages.ts';

const TIME = 1_700_000_000_000;
const SAMPLE = { ts: TIME, values: { power: 431.5 } };
const STORED = { power: [TIME, 431.5] };
const MEASURED = { measurepoints: SAMPLE.values, time: TIME };

describe('one value', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([{ name: 'meter' }, enosProfile('rod'), alibabaProfile('light')]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const native = async (name: string): Promise<{ id: string; token: string }> => {
    const body = { name, profile: 'meter' };
    const made = await api<{ id: string; credentials: { token: string } }>(broker, '/api/gridmoor/devices', {
      method: 'POST',
      body,
    });
    return { id: made.id, token: made.credentials.token };
  };

  it('asset 15: is stored alike, whether it comes over MQTT, HTTP or CoAP', async () => {
    const [mqtt, http, coap] = [await native('by-mqtt'), await native('by-http'), await native('by-coap')];
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: mqtt.token });
    await client.publish('v1/devices/me/telemetry', JSON.stringify(SAMPLE));
    const headers = { 'content-type': 'application/json' };
    const posted = await fetch(`${broker.url}/api/v1/${http.token}/telemetry`, {
      method: 'POST',
      headers,
      body: JSON.stringify(SAMPLE),
    });
    expect(posted.status).toBe(200);
    await using peer = await CoapPeer.open(broker.ports.coap ?? 0);
    const path = `/api/v1/${coap.token}/telemetry`;
    const answer = await peer.call({ method: 'POST', path, payload: JSON.stringify(SAMPLE) });
    expect(answer.code).toBe('2.01');
    for (const { id } of [mqtt, http, coap]) expect(await latest(broker, id)).toEqual(STORED);
  });

  it('asset 15: is stored alike, whether it comes over MQTT or HTTP of EnOS, or over MQTT of Alibaba', async () => {
    const rod = await addDevice(broker, 'rod', 'rod-mqtt');
    await using client = await openThing(broker, enosNames({ deviceKey: 'rod-mqtt', secret: rod.deviceSecret }));
    expect(await client.connack()).toBe(0);
    const post = `/sys/${ENOS.productKey}/rod-mqtt/thing/measurepoint/post`;
    expect(await publishAndRead(client, post, { id: '1', params: MEASURED })).toContain('"code":200');

    const other = await addDevice(broker, 'rod', 'rod-http');
    const ask = async (path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${broker.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await response.json()) as { code: number; data: { sessionId: string } };
    };
    const content = `deviceKeyrod-httplifetime300000productKey${ENOS.productKey}signMethodsha256`;
    const sign = createHash('sha256').update(`${content}${other.deviceSecret}`).digest('hex');
    const login = { signMethod: 'sha256', lifetime: 300_000, sign };
    const { data } = await ask(`/auth/${ENOS.productKey}/rod-http`, login);
    const topic = `/topic/sys/${ENOS.productKey}/rod-http/thing/measurepoint/post?sessionId=${data.sessionId}`;
    expect(await ask(topic, { id: '1', params: MEASURED })).toMatchObject({ code: 200 });

    const light = await addDevice(broker, 'light', 'light-mqtt');
    const names = alibabaNames({ deviceName: 'light-mqtt', secret: light.deviceSecret });
    await using lamp = await openThing(broker, names);
    expect(await lamp.connack()).toBe(0);
    const properties = `/sys/${ALIBABA.productKey}/light-mqtt/thing/event/property/post`;
    const params = { power: { value: 431.5, time: TIME } };
    expect(await publishAndRead(lamp, properties, { id: '1', params })).toContain('"code":200');
    for (const { id } of [rod, other, light]) expect(await latest(broker, id)).toEqual(STORED);
  });
});
