import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, newDevice, provision } from '../../helpers/system.ts';

const CALLS = 'v1/devices/me/rpc/request/+';
const ATTRIBUTES = 'v1/devices/me/attributes';

describe('what an MQTT 5 device takes: Receive Maximum and Maximum Packet Size', () => {
  let broker: Broker;
  const open = async (name: string, properties: { receiveMaximum?: number; maximumPacketSize?: number }) => {
    const userName = await newDevice(broker, name);
    return MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName, properties });
  };
  const share = async (name: string, body: object) =>
    api(broker, `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`, { method: 'POST', body });
  const call = async (name: string, method: string, params: unknown = {}) =>
    api(broker, `/api/rpc/twoway/${await deviceId(broker, name)}`, { method: 'POST', body: { method, params } });
  const next = async (client: MqttClient) => (await client.next('publish')) as IPublishPacket;
  const acknowledge = (client: MqttClient, { messageId = 0 }: IPublishPacket) =>
    client.send({ cmd: 'puback', messageId, reasonCode: 0 });
  const answer = (client: MqttClient, { topic }: IPublishPacket) =>
    client.publishQos0(topic.replace('request', 'response'), '{"ok":true}');

  beforeAll(async () => {
    broker = await startBroker({ env: { GRIDMOOR_RPC_MIN_TIMEOUT_MS: '500' } });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  it('calls beyond it wait for acknowledgements, and the broker goes on meanwhile', async () => {
    await using client = await open('rm-calls', { receiveMaximum: 2 });
    await client.subscribe(CALLS);
    const calls = ['a', 'b', 'c', 'd'].map((method) => call('rm-calls', method));
    const [first, second] = [await next(client), await next(client)];
    await client.alive();
    expect(client.unread).toEqual([]);
    for (const packet of [first, second]) {
      acknowledge(client, packet);
      answer(client, packet);
    }
    for (const packet of [await next(client), await next(client)]) {
      acknowledge(client, packet);
      answer(client, packet);
    }
    expect(await Promise.all(calls)).toEqual(Array(4).fill({ ok: true }));
  });

  it('shared attributes and answers beyond it come at QoS 0 instead of never', async () => {
    await using client = await open('rm-pushes', { receiveMaximum: 1 });
    await client.subscribe(ATTRIBUTES);
    for (const n of [1, 2, 3]) await share('rm-pushes', { n });
    const pushes = [await next(client), await next(client), await next(client)];
    expect(pushes.map(({ qos, payload }) => `${qos} ${payload}`)).toEqual(['1 {"n":1}', '0 {"n":2}', '0 {"n":3}']);
    client.publishQos0('v1/devices/me/attributes/request/1', '{"sharedKeys":"n"}');
    expect(await client.message()).toBe('v1/devices/me/attributes/response/1 {"shared":{"n":3}}');
    for (const packet of pushes) if (packet.qos === 1) acknowledge(client, packet);
    await client.alive();
    await share('rm-pushes', { n: 4 });
    expect(await next(client)).toMatchObject({ qos: 1 });
  });

  it('a call that is larger is answered with an error, and holds up no other', async () => {
    await using client = await open('mps-calls', { maximumPacketSize: 120 });
    await client.subscribe(CALLS);
    const large = call('mps-calls', 'large', { text: 'x'.repeat(200) });
    expect(await large).toEqual({ error: 'the call is larger than the device takes' });
    const small = call('mps-calls', 'small');
    const packet = await next(client);
    expect(String(packet.payload)).toContain('"small"');
    answer(client, packet);
    expect(await small).toEqual({ ok: true });
  });

  it('so is one for a device behind a gateway', async () => {
    await provision(broker, { deviceName: 'mps-gw', token: 'mps-gw', gateway: true });
    const properties = { maximumPacketSize: 120 };
    await using client = await MqttClient.connect({
      port: broker.ports.mqtt,
      version: 5,
      userName: 'mps-gw',
      properties,
    });
    expect(await client.publish('v1/gateway/connect', '{"device":"mps-sub"}')).toBe(0);
    expect(await call('mps-sub', 'large', { text: 'x'.repeat(200) })).toEqual({
      error: 'the call is larger than the device takes',
    });
    const small = call('mps-sub', 'small');
    const { data } = JSON.parse(String((await next(client)).payload)) as { data: { id: number } };
    await client.publish('v1/gateway/rpc', JSON.stringify({ device: 'mps-sub', id: data.id, data: { ok: true } }));
    expect(await small).toEqual({ ok: true });
  });
});
