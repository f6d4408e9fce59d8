import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IPublishPacket } from 'mqtt-packet';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, provision } from '../../helpers/system.ts';

/** The gateway's side, as ThingsBoard's transport.proto and queue.proto number the messages. */
const MESSAGES = protobuf.parse(
  `syntax = "proto3";
enum KeyValueType { BOOLEAN_V = 0; LONG_V = 1; DOUBLE_V = 2; STRING_V = 3; JSON_V = 4; }
message KeyValueProto { string key = 1; KeyValueType type = 2; bool bool_v = 3; int64 long_v = 4; double double_v = 5; string string_v = 6; string json_v = 7; }
message TsKvProto { int64 ts = 1; KeyValueProto kv = 2; optional int64 version = 3; }
message TsKvListProto { int64 ts = 1; repeated KeyValueProto kv = 2; }
message PostTelemetryMsg { repeated TsKvListProto tsKvList = 1; }
message PostAttributeMsg { repeated KeyValueProto kv = 1; bool shared = 2; }
message GetAttributeResponseMsg { int32 requestId = 1; repeated TsKvProto clientAttributeList = 2; repeated TsKvProto sharedAttributeList = 3; bool isMultipleAttributesRequest = 4; string error = 5; bool sharedStateMsg = 6; }
message AttributeUpdateNotificationMsg { repeated TsKvProto sharedUpdated = 1; repeated string sharedDeleted = 2; }
message ToDeviceRpcRequestMsg { int32 requestId = 1; string methodName = 2; string params = 3; int64 expirationTime = 4; int64 requestIdMSB = 5; int64 requestIdLSB = 6; bool oneway = 7; bool persisted = 8; }
message ClaimDevice { string secretKey = 1; int64 durationMs = 2; }
message DisconnectMsg { string deviceName = 1; }
message ConnectMsg { string deviceName = 1; string deviceType = 2; }
message TelemetryMsg { string deviceName = 1; PostTelemetryMsg msg = 3; }
message AttributesMsg { string deviceName = 1; PostAttributeMsg msg = 2; }
message ClaimDeviceMsg { string deviceName = 1; ClaimDevice claimRequest = 2; }
message GatewayTelemetryMsg { repeated TelemetryMsg msg = 1; }
message GatewayClaimMsg { repeated ClaimDeviceMsg msg = 1; }
message GatewayAttributesMsg { repeated AttributesMsg msg = 1; }
message GatewayRpcResponseMsg { string deviceName = 1; int32 id = 2; string data = 3; }
message GatewayAttributeResponseMsg { string deviceName = 1; GetAttributeResponseMsg responseMsg = 2; }
message GatewayAttributeUpdateNotificationMsg { string deviceName = 1; AttributeUpdateNotificationMsg notificationMsg = 2; }
message GatewayDeviceRpcRequestMsg { string deviceName = 1; ToDeviceRpcRequestMsg rpcRequestMsg = 2; }
message GatewayAttributesRequestMsg { int32 id = 1; string deviceName = 2; bool client = 3; repeated string keys = 4; }
message GatewayDisconnectDeviceMsg { string deviceName = 1; int32 reasonCode = 2; }`,
  { keepCase: true },
).root;

type Fields = Record<string, unknown>;

const write = (name: string, fields: Fields): Buffer => {
  const type = MESSAGES.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(fields)).finish());
};
const read = (name: string, payload: Uint8Array): Fields => {
  const type = MESSAGES.lookupType(name);
  return type.toObject(type.decode(payload), { longs: String, enums: String });
};

const long = (key: string, value: string | number) => ({ key, type: 'LONG_V', long_v: value });
const telemetry = (...msg: readonly Fields[]) => write('GatewayTelemetryMsg', { msg });
const one = (deviceName: string, ...kv: readonly Fields[]) => ({ deviceName, msg: { tsKvList: [{ kv }] } });

const PAYLOADS = {
  proto: { type: 'protobuf' },
  both: { type: 'protobuf', compatibleWithJson: true },
  'json-down': { type: 'protobuf', compatibleWithJson: true, jsonOnDefaultDownlinkTopics: true },
};

describe('thingsboard-device-api 4 and 5.3: gateway API in protobuf', () => {
  let broker: Broker;
  let dir: string;
  let count = 0;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-gateway-protobuf-'));
    await mkdir(join(dir, 'profiles'));
    const secret = { env: 'PROVISION_SECRET_SMART_METER' };
    for (const [name, payload] of Object.entries(PAYLOADS)) {
      const provision = { strategy: 'allow-create-new-devices', key: name, secret };
      await writeFile(join(dir, `profiles/${name}.json`), JSON.stringify({ name, provision, payload }));
    }
    const sub = { name: 'default', typeCast: true, limits: { telemetryMessages: '1000:60' } };
    await writeFile(join(dir, 'profiles/default.json'), JSON.stringify(sub));
    await writeFile(join(dir, 'profiles/sensor.json'), JSON.stringify({ name: 'sensor' }));
    broker = await startBroker({ profilesDir: join(dir, 'profiles'), env: { GRIDMOOR_RPC_MIN_TIMEOUT_MS: '100' } });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  async function gateway(profile = 'proto', version: 4 | 5 = 5) {
    const name = `gw-${++count}`;
    await provision(broker, { deviceName: name, token: `tok-${name}`, provisionDeviceKey: profile, gateway: true });
    const client = await MqttClient.connect({ port: broker.ports.mqtt, version, userName: `tok-${name}` });
    return { client, sub: `sub-${count}` };
  }
  async function packet(client: MqttClient): Promise<{ topic: string; payload: Buffer }> {
    const found = (await client.next('publish')) as IPublishPacket;
    if (found.qos > 0) client.send({ cmd: 'puback', messageId: found.messageId ?? 0 });
    return { topic: found.topic, payload: found.payload as Buffer };
  }
  async function stored(name: string): Promise<string> {
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/values/timeseries?useStrictDataTypes=true`;
    const response = await fetch(`${broker.url}${path}`, { headers: { authorization: `Bearer ${broker.adminKey}` } });
    return (await response.text()).replaceAll(/"ts":1[78]\d{11},/g, '');
  }
  const share = async (name: string, values: Fields) =>
    api(broker, `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`, {
      method: 'POST',
      body: values,
    });

  it('telemetry of several devices: each value keeps its type and time', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    const kv = [
      { key: 'on', type: 'BOOLEAN_V', bool_v: true },
      long('energy', '9007199254740993'),
      { key: 'power', type: 'DOUBLE_V', double_v: 25 },
      { key: 'serial', type: 'STRING_V', string_v: '0012' },
      { key: 'cfg', type: 'JSON_V', json_v: '{"a":[1]}' },
    ];
    const timed = { deviceName: sub, msg: { tsKvList: [{ ts: 1_600_000_000_000, kv }, { kv: [long('late', 1)] }] } };
    expect(await client.publish('v1/gateway/telemetry', telemetry(timed, one(`${sub}-b`, long('t', 5))))).toBe(0);
    const text = await stored(sub);
    for (const [key, value] of Object.entries({
      on: 'true',
      energy: '9007199254740993',
      power: '25.0',
      serial: '"0012"',
      cfg: '{"a":[1]}',
    })) {
      expect(text).toContain(`"${key}":[{"ts":1600000000000,"value":${value}}]`);
    }
    expect(text).toContain('"late":[{"value":1}]');
    expect(await stored(`${sub}-b`)).toContain('"t":[{"value":5}]');
  });

  it('a device that comes twice in one message has both parts; keys named ts and values are keys', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    const both = telemetry(
      one(sub, long('a', 1)),
      one(sub, long('ts', 2), { key: 'values', type: 'JSON_V', json_v: '{}' }),
    );
    expect(await client.publish('v1/gateway/telemetry', both)).toBe(0);
    const text = await stored(sub);
    for (const series of ['"a":[{"value":1}]', '"ts":[{"value":2}]', '"values":[{"value":{}}]']) {
      expect(text).toContain(series);
    }
  });

  it('connect makes the device with the profile of its type; disconnect and client attributes', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    expect(
      await client.publish('v1/gateway/connect', write('ConnectMsg', { deviceName: sub, deviceType: 'sensor' })),
    ).toBe(0);
    expect(await api(broker, `/api/tenant/devices?deviceName=${sub}`)).toMatchObject({ type: 'sensor' });
    const kv = [{ key: 'fw', type: 'STRING_V', string_v: '1.0' }];
    const msg = [{ deviceName: sub, msg: { kv } }];
    expect(await client.publish('v1/gateway/attributes', write('GatewayAttributesMsg', { msg }))).toBe(0);
    expect(await attributes(broker, sub, 'CLIENT_SCOPE')).toMatchObject({ fw: '1.0' });
    expect(await client.publish('v1/gateway/disconnect', write('DisconnectMsg', { deviceName: sub }))).toBe(0);
    await share(sub, { gone: 1 });
    await client.alive();
    expect(client.unread).not.toContain('publish');
  });

  it('attribute requests are answered in protobuf, from the scope that was asked for', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    await client.publish(
      'v1/gateway/attributes',
      write('GatewayAttributesMsg', { msg: [{ deviceName: sub, msg: { kv: [long('c', 3)] } }] }),
    );
    const ask = async (fields: Fields) => {
      const request = write('GatewayAttributesRequestMsg', { deviceName: sub, ...fields });
      expect(await client.publish('v1/gateway/attributes/request', request)).toBe(0);
      const { topic, payload } = await packet(client);
      expect(topic).toBe('v1/gateway/attributes/response');
      return read('GatewayAttributeResponseMsg', payload);
    };
    expect(await ask({ id: 7, client: true, keys: ['c'] })).toMatchObject({
      deviceName: sub,
      responseMsg: { requestId: 7, clientAttributeList: [{ kv: { key: 'c', type: 'LONG_V', long_v: '3' } }] },
    });
    const several = await ask({ id: 8, client: false, keys: ['c', 'other'] });
    expect(several).toEqual({ deviceName: sub, responseMsg: { requestId: 8, isMultipleAttributesRequest: true } });
  });

  it('shared attributes and their removal are pushed in protobuf', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    await client.publish('v1/gateway/connect', write('ConnectMsg', { deviceName: sub }));
    await share(sub, { limit: 5 });
    const update = await packet(client);
    expect(update.topic).toBe('v1/gateway/attributes');
    expect(read('GatewayAttributeUpdateNotificationMsg', update.payload)).toMatchObject({
      deviceName: sub,
      notificationMsg: { sharedUpdated: [{ kv: { key: 'limit', type: 'LONG_V', long_v: '5' } }] },
    });
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, sub)}/SHARED_SCOPE?keys=limit`;
    await api(broker, path, { method: 'DELETE' });
    expect(read('GatewayAttributeUpdateNotificationMsg', (await packet(client)).payload)).toEqual({
      deviceName: sub,
      notificationMsg: { sharedDeleted: ['limit'] },
    });
  });

  it('a call to a sub-device and its answer', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    await client.publish('v1/gateway/connect', write('ConnectMsg', { deviceName: sub }));
    const answer = api(broker, `/api/rpc/twoway/${await deviceId(broker, sub)}`, {
      method: 'POST',
      body: { method: 'setGpio', params: { pin: 7 } },
    });
    const came = await packet(client);
    expect(came.topic).toBe('v1/gateway/rpc');
    expect(read('GatewayDeviceRpcRequestMsg', came.payload)).toMatchObject({
      deviceName: sub,
      rpcRequestMsg: { methodName: 'setGpio', params: '{"pin":7}' },
    });
    const reply = write('GatewayRpcResponseMsg', { deviceName: sub, id: 0, data: '{"ok":true}' });
    expect(await client.publish('v1/gateway/rpc', reply)).toBe(0);
    expect(await answer).toEqual({ ok: true });
    expect(await client.publish('v1/gateway/rpc', write('GatewayRpcResponseMsg', { deviceName: sub, id: 1 }))).toBe(
      0x99,
    );
  });

  it('a claim', async () => {
    const { client, sub } = await gateway();
    await using _ = client;
    const customer = await api<{ id: { id: string } }>(broker, '/api/customer', {
      method: 'POST',
      body: { title: sub },
    });
    const msg = [{ deviceName: sub, claimRequest: { secretKey: 'sesame', durationMs: 60_000 } }];
    expect(await client.publish('v1/gateway/claim', write('GatewayClaimMsg', { msg }))).toBe(0);
    const path = `/api/customer/device/${sub}/claim?customerId=${customer.id.id}`;
    expect(await api(broker, path, { method: 'POST', body: { secretKey: 'sesame' } })).toMatchObject({
      response: 'SUCCESS',
    });
  });

  it.each([
    ['telemetry', 'JSON', Buffer.from('{"A":[{"t":1}]}')],
    ['telemetry', 'an empty message', Buffer.alloc(0)],
    ['telemetry', 'a device without a name', telemetry(one('', long('t', 1)))],
    ['telemetry', 'a cut message', telemetry(one('cut', long('t', 1))).subarray(0, 9)],
    ['telemetry', 'messages nested without end', Buffer.from('0a7f0a7d0a7b'.repeat(200), 'hex')],
    ['attributes', 'no key', write('GatewayAttributesMsg', { msg: [] })],
    ['connect', 'no name', write('ConnectMsg', { deviceType: 'sensor' })],
    ['disconnect', 'an empty payload', Buffer.alloc(0)],
    ['attributes/request', 'no keys', write('GatewayAttributesRequestMsg', { id: 1, deviceName: 'x' })],
    ['attributes/request', 'no device', write('GatewayAttributesRequestMsg', { id: 1, keys: ['x'] })],
    ['rpc', 'no device', write('GatewayRpcResponseMsg', { id: 1, data: '{}' })],
    ['claim', 'no device', write('GatewayClaimMsg', { msg: [{ claimRequest: { secretKey: 's' } }] })],
  ])('v1/gateway/%s with %s: MQTT 5 is told and stays, 3.1.1 ends', async (topic, _what, payload) => {
    const five = await gateway();
    await using _five = five.client;
    expect(await five.client.publish(`v1/gateway/${topic}`, payload)).toBe(0x99);
    await five.client.alive();
    const three = await gateway('proto', 4);
    await using _three = three.client;
    three.client.send({
      cmd: 'publish',
      topic: `v1/gateway/${topic}`,
      payload,
      qos: 1,
      dup: false,
      retain: false,
      messageId: 9,
    });
    await three.client.ended();
  });

  it.each([
    ['no value', { deviceName: '', msg: { tsKvList: [] } }],
    ['an empty list of values', { deviceName: '', msg: { tsKvList: [{ ts: 1 }] } }],
    ['no JSON where JSON is said', one('', { key: 'k', type: 'JSON_V', json_v: '{' })],
    ['an unknown type', one('', { key: 'k', type: 9 })],
    ['an empty key', one('', { key: '', type: 'BOOLEAN_V' })],
  ])('a device with %s costs the others nothing', async (_what, bad) => {
    const { client, sub } = await gateway();
    await using _ = client;
    const payload = telemetry({ ...bad, deviceName: `${sub}-bad` }, one(sub, long('t', 1)));
    expect(await client.publish('v1/gateway/telemetry', payload)).toBe(0x99);
    expect(await stored(sub)).toContain('"t":[{"value":1}]');
  });

  it('compatibility: JSON is read too, what goes down is protobuf all the same', async () => {
    for (const profile of ['both', 'json-down']) {
      const { client, sub } = await gateway(profile);
      await using _ = client;
      expect(await client.publish('v1/gateway/telemetry', telemetry(one(sub, long('t', 1))))).toBe(0);
      expect(await client.publish('v1/gateway/telemetry', `{"${sub}":[{"json":7}]}`)).toBe(0);
      expect(await client.publish('v1/gateway/telemetry', 'neither')).toBe(0x99);
      const text = await stored(sub);
      expect(text).toContain('"json":[{"value":7}]');
      expect(text).toContain('"t":[{"value":1}]');
      await client.publish(
        'v1/gateway/attributes/request',
        `{"id":9999999999,"device":"${sub}","client":true,"key":"k"}`,
      );
      expect(read('GatewayAttributeResponseMsg', (await packet(client)).payload)).toMatchObject({ deviceName: sub });
    }
  });
});

describe('thingsboard-device-api 4.2: gateway rate limits in protobuf', () => {
  it('the push on v1/gateway/disconnect names the device and 150', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gridmoor-gateway-protobuf-'));
    const provisioning = {
      strategy: 'allow-create-new-devices',
      key: 'proto',
      secret: { env: 'PROVISION_SECRET_SMART_METER' },
    };
    const files = { proto: { provision: provisioning, payload: PAYLOADS.proto }, default: {} };
    for (const [name, profile] of Object.entries(files)) {
      await writeFile(join(dir, `${name}.json`), JSON.stringify({ name, ...profile }));
    }
    await using broker = await startBroker({
      profilesDir: dir,
      env: { GRIDMOOR_GATEWAY_TELEMETRY_MESSAGES: '1:3600' },
    });
    await provision(broker, { deviceName: 'g', token: 'tok-limited-g', provisionDeviceKey: 'proto', gateway: true });
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: 'tok-limited-g' });
    const payload = telemetry(one('limited', long('t', 1)));
    expect(await client.publish('v1/gateway/telemetry', payload)).toBe(0);
    client.send({
      cmd: 'publish',
      topic: 'v1/gateway/telemetry',
      payload,
      qos: 1,
      dup: false,
      retain: false,
      messageId: 9,
    });
    const push = (await client.next('publish')) as IPublishPacket;
    expect(push.topic).toBe('v1/gateway/disconnect');
    expect(read('GatewayDisconnectDeviceMsg', push.payload as Buffer)).toEqual({
      deviceName: 'limited',
      reasonCode: 150,
    });
    await rm(dir, { recursive: true, force: true });
  });
});
