import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, provision } from '../../helpers/system.ts';

const CONNECT = 'v1/gateway/connect';
const RPC = 'v1/gateway/rpc';
const CLAIM = 'v1/gateway/claim';

const secret = { env: 'PROVISION_SECRET_SMART_METER' };
const PROFILES = {
  'smart-meter': { provision: { strategy: 'allow-create-new-devices', key: 'smart-meter', secret } },
};
/** Tells the device `made` what the chain hears when it is created. */
const CHAIN = {
  name: 'hears',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: { 'Post telemetry': 'save', 'Post attributes': 'keep', 'Entity Created': 'made?' },
    },
    save: { kind: 'action/save-telemetry' },
    keep: { kind: 'action/save-attributes', config: { scope: 'CLIENT_SCOPE' } },
    'made?': {
      kind: 'filter/conditions',
      config: { conditions: { all: [{ fact: 'metadata', path: '$.deviceName', operator: 'equal', value: 'made' }] } },
      to: { True: 'note' },
    },
    note: { kind: 'action/reply', config: { body: { madeBy: '${gatewayId}' } } },
  },
};

describe('thingsboard-device-api 4: calls, claims and chains of sub-devices', () => {
  let broker: Broker;
  let dir: string;

  const connect = (name: string, version: 4 | 5 = 5) =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName: `tok-${name}` });
  const gateway = async (name: string, version: 4 | 5 = 5) => {
    const answer = await provision(broker, { deviceName: name, token: `tok-${name}`, gateway: true });
    expect(answer.status).toBe('SUCCESS');
    return connect(name, version);
  };
  const call = async (name: string, body: Record<string, unknown>, way = 'twoway') =>
    api<unknown>(broker, `/api/rpc/${way}/${await deviceId(broker, name)}`, { method: 'POST', body });
  const callOf = async (client: MqttClient): Promise<{ device: string; data: { id: number; method: string } }> =>
    JSON.parse((await client.message()).slice(RPC.length + 1));
  const state = (rpcId: string) => api<{ status: string }>(broker, `/api/rpc/persistent/${rpcId}`);

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-gateway-'));
    for (const [name, profile] of Object.entries(PROFILES)) {
      await writeFile(join(dir, `${name}.json`), JSON.stringify({ name, ...profile }));
    }
    const chainsDir = await mkdtemp(join(dir, 'chains-'));
    await writeFile(join(chainsDir, 'hears.json'), JSON.stringify(CHAIN));
    broker = await startBroker({ profilesDir: dir, chainsDir, env: { GRIDMOOR_GATEWAY_SCOPE: 'any' } });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  it('65: a call to a sub-device comes on v1/gateway/rpc with its id; the reply with that id reaches the caller', async () => {
    await using client = await gateway('g65');
    await client.publish(CONNECT, '{"device":"a65"}');
    const answered = call('a65', { method: 'm', params: { big: 1 } });
    const packet = (await client.next('publish')) as IPublishPacket;
    expect(`${packet.topic} ${packet.qos} ${packet.payload.toString()}`).toBe(
      `${RPC} 1 {"device":"a65","data":{"id":0,"method":"m","params":{"big":1}}}`,
    );
    client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    expect(await client.publish(RPC, '{"device":"a65","id":9,"data":{"other":1}}')).toBe(0);
    expect(await client.publish(RPC, '{"device":"a65","id":0,"data":{"ok":true}}')).toBe(0);
    expect(await answered).toEqual({ ok: true });
  });

  it('65: calls that wait are pushed when the sub-device connects; at QoS 0 they count as delivered', async () => {
    await using client = await gateway('g65b', 4);
    await client.subscribe([RPC, 0]);
    await client.publish(CONNECT, '{"device":"b65"}');
    await client.publish('v1/gateway/disconnect', '{"device":"b65"}');
    const { rpcId } = (await call('b65', { method: 'later', persistent: true })) as { rpcId: string };
    expect((await state(rpcId)).status).toBe('QUEUED');
    await client.publish('v1/gateway/telemetry', '{"b65":[{"t":1}]}');
    const { data } = await callOf(client);
    expect(data.method).toBe('later');
    await client.publish(RPC, JSON.stringify({ device: 'b65', id: data.id, data: 5 }));
    expect((await state(rpcId)).status).toBe('SUCCESSFUL');
  });

  it('65: two devices of one gateway have their own ids, and an answer counts only for its device', async () => {
    await using client = await gateway('g65c');
    await client.subscribe([RPC, 0]);
    await client.publish(CONNECT, '{"device":"c65"}');
    await client.publish(CONNECT, '{"device":"d65"}');
    const toC = call('c65', { method: 'm' });
    await callOf(client);
    const toD = call('d65', { method: 'm' });
    expect(await callOf(client)).toMatchObject({ device: 'd65', data: { id: 0 } });
    await client.publish(RPC, '{"device":"d65","id":0,"data":"of d"}');
    await client.publish(RPC, '{"device":"c65","id":0,"data":"of c"}');
    expect([await toC, await toD]).toEqual(['of c', 'of d']);
  });

  it('57: getSessionLimits tells a gateway the limits of its sub-devices too', async () => {
    await using client = await gateway('g57');
    await client.publish('v1/devices/me/rpc/request/1', '{"method":"getSessionLimits","params":{}}');
    const text = (await client.message()).slice('v1/devices/me/rpc/response/1 '.length);
    expect(Object.keys(JSON.parse(text))).toEqual([
      'maxPayloadSize',
      'maxInflightMessages',
      'rateLimits',
      'gatewayRateLimits',
    ]);
  });

  it('61: what a gateway offers for a sub-device can be claimed', async () => {
    await using client = await gateway('g61');
    expect(await client.publish(CLAIM, '{"a61":{"secretKey":"s","durationMs":60000},"b61":5}')).toBe(0);
    expect(await client.publish(CLAIM, '{"a61":{"durationMs":"soon"}}')).toBe(0x99);
    const customer = await api<{ id: { id: string } }>(broker, '/api/customer', {
      method: 'POST',
      body: { title: 'Ana' },
    });
    const path = `/api/customer/device/a61/claim?customerId=${customer.id.id}`;
    const claimed = await api<{ response: string }>(broker, path, { method: 'POST', body: { secretKey: 's' } });
    expect(claimed.response).toBe('SUCCESS');
    await expect(deviceId(broker, 'b61')).rejects.toThrow();
  });

  it('the chain hears of a new sub-device before its data, and which gateway made it', async () => {
    await using client = await gateway('g-made');
    await client.publish('v1/gateway/telemetry', '{"made":[{"t":1}]}');
    expect((await attributes(broker, 'made', 'SHARED_SCOPE')).madeBy).toBe(await deviceId(broker, 'g-made'));
  });

  it('scope any: another gateway takes a sub-device over, and its calls with it', async () => {
    await using one = await gateway('any-1');
    await using two = await gateway('any-2');
    for (const client of [one, two]) await client.subscribe([RPC, 0], ['v1/gateway/attributes', 0]);
    await one.publish('v1/gateway/telemetry', '{"shared":[{"t":1}]}');
    expect(await two.publish('v1/gateway/telemetry', '{"shared":[{"t":2}]}')).toBe(0);
    const answered = call('shared', { method: 'm' });
    expect((await callOf(two)).data.method).toBe('m');
    await two.publish(RPC, '{"device":"shared","id":0,"data":2}');
    expect(await answered).toBe(2);
    await one.alive();
    expect(one.unread).toEqual([]);
    expect((await latest(broker, 'shared')).t).toBe('2');
    const device = await api<{ additionalInfo: { lastConnectedGateway: string } }>(
      broker,
      `/api/device/${await deviceId(broker, 'shared')}`,
    );
    expect(device.additionalInfo.lastConnectedGateway).toBe(await deviceId(broker, 'any-2'));
  });

  it('a sub-device is connected with its gateway, and disconnected with it', async () => {
    const client = await gateway('g-state');
    await client.publish(CONNECT, '{"device":"of-state"}');
    client.send({ cmd: 'disconnect' });
    await client.ended();
    const told = async () => (await attributes(broker, 'of-state', 'SERVER_SCOPE')).lastDisconnectTime;
    await expect.poll(told).toBeGreaterThan(0);
    const { active, lastConnectTime } = await attributes(broker, 'of-state', 'SERVER_SCOPE');
    expect(active).toBe(true);
    expect(lastConnectTime).toBeGreaterThan(0);
  });
});
