import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IPublishPacket } from 'mqtt-packet';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, provision } from '../../helpers/system.ts';

const TELEMETRY = `syntax = "proto3";
package meter;
enum Mode { OFF = 0; ON = 1; }
message Values { optional double power = 1; optional int64 energy_total = 2; optional Mode mode = 3; optional bytes raw = 4; optional string label = 5; }
message Sample { optional int64 ts = 1; Values values = 2; }`;
const FLAT = 'syntax = "proto3"; message Flat { double power = 1; int32 count = 2; }';
const ATTRIBUTES = 'syntax = "proto3"; message A { string serial = 1; optional int64 big = 2; }';
const RPC_REQUEST = `syntax = "proto3";
message Call { string method = 1; int32 requestId = 2; Params params = 3; message Params { int32 pin = 1; int64 big = 2; } }`;
const RPC_RESPONSE = 'syntax = "proto3"; message Done { bool ok = 1; int64 big = 2; }';

/** The device's side of the fixed messages, as ThingsBoard's transport.proto and queue.proto number them. */
const FIXED = protobuf.parse(
  `syntax = "proto3";
enum KeyValueType { BOOLEAN_V = 0; LONG_V = 1; DOUBLE_V = 2; STRING_V = 3; JSON_V = 4; }
enum CredentialsType { ACCESS_TOKEN = 0; X509_CERTIFICATE = 1; MQTT_BASIC = 2; LWM2M_CREDENTIALS = 3; }
enum ResponseStatus { UNKNOWN = 0; SUCCESS = 1; NOT_FOUND = 2; FAILURE = 3; }
message KeyValueProto { string key = 1; KeyValueType type = 2; bool bool_v = 3; int64 long_v = 4; double double_v = 5; string string_v = 6; string json_v = 7; }
message TsKvProto { int64 ts = 1; KeyValueProto kv = 2; }
message AttributesRequest { string clientKeys = 1; string sharedKeys = 2; }
message GetAttributeResponseMsg { int32 requestId = 1; repeated TsKvProto clientAttributeList = 2; repeated TsKvProto sharedAttributeList = 3; bool isMultipleAttributesRequest = 4; string error = 5; }
message AttributeUpdateNotificationMsg { repeated TsKvProto sharedUpdated = 1; repeated string sharedDeleted = 2; }
message RpcRequest { string method = 1; string params = 2; }
message ToServerRpcResponseMsg { int32 requestId = 1; string payload = 2; string error = 3; }
message ClaimDevice { string secretKey = 1; int64 durationMs = 2; }
message Token { string token = 1; }
message Certificate { string hash = 1; }
message Basic { string clientId = 1; string userName = 2; string password = 3; }
message Data { Token token = 1; Certificate certificate = 2; Basic basic = 3; }
message Keys { string provisionDeviceKey = 1; string provisionDeviceSecret = 2; }
message ProvisionDeviceRequestMsg { string deviceName = 1; CredentialsType credentialsType = 2; Keys keys = 3; Data data = 4; bool gateway = 5; }
message ProvisionDeviceResponseMsg { ResponseStatus status = 1; CredentialsType credentialsType = 2; string credentialsValue = 3; }`,
  { keepCase: true },
).root;

type Fields = Record<string, unknown>;

function write(schema: string | protobuf.Root, name: string, fields: Fields): Buffer {
  const root = typeof schema === 'string' ? protobuf.parse(schema, { keepCase: true }).root : schema;
  const type = root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(fields)).finish());
}

function read(schema: string | protobuf.Root, name: string, payload: Uint8Array): Fields {
  const root = typeof schema === 'string' ? protobuf.parse(schema, { keepCase: true }).root : schema;
  const type = root.lookupType(name);
  return type.toObject(type.decode(payload), { longs: String, enums: String });
}

const sample = (fields: Fields) => write(TELEMETRY, 'meter.Sample', fields);

const CHAIN = {
  name: 'root',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: {
        'RPC Request from Device': 'time?',
        'Post telemetry': 'telemetry',
        'Post attributes': 'attributes',
        Other: 'log',
      },
    },
    'time?': {
      kind: 'filter/conditions',
      config: { conditions: { all: [{ fact: 'msg', path: '$.method', operator: 'equal', value: 'getTime' }] } },
      to: { True: 'reply' },
    },
    reply: { kind: 'rpc/reply' },
    telemetry: { kind: 'action/save-telemetry' },
    attributes: { kind: 'action/save-attributes' },
    log: { kind: 'action/log', config: { text: 'nothing' } },
  },
};

const schemas = {
  type: 'protobuf',
  telemetry: TELEMETRY,
  attributes: ATTRIBUTES,
  rpcRequest: RPC_REQUEST,
  rpcResponse: RPC_RESPONSE,
};
const PAYLOADS: Readonly<Record<string, Fields>> = {
  proto: schemas,
  flat: { type: 'protobuf', telemetry: FLAT },
  both: { ...schemas, compatibleWithJson: true },
  'json-down': { ...schemas, compatibleWithJson: true, jsonOnDefaultDownlinkTopics: true },
  plain: { type: 'json' },
};

describe('thingsboard-device-api 5.3: protobuf', () => {
  let broker: Broker;
  let dir: string;
  let count = 0;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-protobuf-'));
    await mkdir(join(dir, 'chains'));
    await mkdir(join(dir, 'profiles'));
    await writeFile(join(dir, 'chains/root.json'), JSON.stringify(CHAIN));
    for (const [name, payload] of Object.entries(PAYLOADS)) {
      const secret = { env: 'PROVISION_SECRET_SMART_METER' };
      const profile = { name, provision: { strategy: 'allow-create-new-devices', key: name, secret }, payload };
      await writeFile(join(dir, `profiles/${name}.json`), JSON.stringify(profile));
    }
    broker = await startBroker({
      chainsDir: join(dir, 'chains'),
      profilesDir: join(dir, 'profiles'),
      env: { GRIDMOOR_RPC_MIN_TIMEOUT_MS: '100', GRIDMOOR_RPC_CLIENT_TIMEOUT_MS: '300' },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  async function device(profile: string, version: 4 | 5 = 5) {
    const name = `${profile}-${++count}`;
    await provision(broker, { deviceName: name, token: `tok-${name}`, provisionDeviceKey: profile });
    const client = await MqttClient.connect({ port: broker.ports.mqtt, version, userName: `tok-${name}` });
    return { name, client, id: await deviceId(broker, name) };
  }

  /** Series as exact JSON text, times included when they are not the server's. */
  async function stored(id: string): Promise<string> {
    const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?useStrictDataTypes=true`;
    const response = await fetch(`${broker.url}${path}`, { headers: { authorization: `Bearer ${broker.adminKey}` } });
    return (await response.text()).replaceAll(/"ts":1[78]\d{11},/g, '');
  }

  const shared = (id: string, values: Fields) =>
    api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: values });

  async function call(id: string, body: string) {
    const response = await fetch(`${broker.url}/api/rpc/twoway/${id}`, {
      method: 'POST',
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}`, 'content-type': 'application/json' },
      body,
    });
    return `${response.status} ${await response.text()}`;
  }

  async function packet(client: MqttClient): Promise<IPublishPacket & { payload: Buffer }> {
    const found = (await client.next('publish')) as IPublishPacket;
    if (found.qos > 0) client.send({ cmd: 'puback', messageId: found.messageId ?? 0 });
    return found as IPublishPacket & { payload: Buffer };
  }

  it.each(['v1/devices/me/telemetry', 'v2/t', 'v2/t/p'])(
    'telemetry on %s keeps its time, 64 bits, doubles, enums, bytes',
    async (topic) => {
      const { client, id } = await device('proto');
      await using _ = client;
      const values = { power: 25, energy_total: '9007199254740993', mode: 'ON', raw: Buffer.from([0, 255]) };
      expect(await client.publish(topic, sample({ ts: 1_600_000_000_000, values }))).toBe(0);
      const text = await stored(id);
      for (const [key, value] of Object.entries({
        power: '25.0',
        energyTotal: '9007199254740993',
        mode: '"ON"',
        raw: '"AP8="',
      })) {
        expect(text).toContain(`"${key}":[{"ts":1600000000000,"value":${value}}]`);
      }
      expect(text).not.toContain('label');
    },
  );

  it('without a time of its own a sample has the server time; v2/t/j takes JSON all the same', async () => {
    const { client, id } = await device('proto');
    await using _ = client;
    expect(await client.publish('v2/t', sample({ values: { power: 1.5 } }))).toBe(0);
    expect(await client.publish('v2/t/j', '{"json":1}')).toBe(0);
    const text = await stored(id);
    expect(text).toContain('"power":[{"value":1.5}]');
    expect(text).toContain('"json":[{"value":1}]');
  });

  it('fields that cannot be absent are stored with their defaults', async () => {
    const { client, id } = await device('flat');
    await using _ = client;
    expect(await client.publish('v2/t', write(FLAT, 'Flat', { power: 2 }))).toBe(0);
    expect(await stored(id)).toContain('"count":[{"value":0}]');
  });

  it('client attributes', async () => {
    const { client, name } = await device('proto');
    await using _ = client;
    expect(await client.publish('v2/a', write(ATTRIBUTES, 'A', { serial: 'S1', big: '5' }))).toBe(0);
    expect(await attributes(broker, name, 'CLIENT_SCOPE')).toMatchObject({ serial: 'S1', big: 5 });
  });

  it.each([
    ['JSON', Buffer.from('{"power":1}')],
    ['a cut message', sample({ values: { label: 'long enough' } }).subarray(0, 8)],
    ['a group', Buffer.from('1b1c', 'hex')],
    ['noise', Buffer.from('ffffffffffffffffffffff', 'hex')],
    ['messages nested without end', Buffer.from('12fe0712fb07'.repeat(200), 'hex')],
  ])('%s is a validation failure: MQTT 5 is told and stays, 3.1.1 ends', async (_what, payload) => {
    const five = await device('proto');
    await using _five = five.client;
    expect(await five.client.publish('v2/t', payload)).toBe(0x99);
    expect(await five.client.publish('v2/t', sample({ values: { power: 1 } }))).toBe(0);
    const three = await device('proto', 4);
    await using _three = three.client;
    three.client.send({ cmd: 'publish', topic: 'v2/t', payload, qos: 1, dup: false, retain: false, messageId: 9 });
    await three.client.ended();
  });

  it('protobuf topics on a JSON profile: no schema is a validation failure', async () => {
    const { client } = await device('plain');
    await using _ = client;
    expect(await client.publish('v2/t/p', sample({ values: { power: 1 } }))).toBe(0x99);
    expect(await client.publish('v2/a/p', write(ATTRIBUTES, 'A', { serial: 'x' }))).toBe(0x99);
    expect(await client.publish('v2/t/p', '{"power":1}')).toBe(0x99);
    expect(await client.publish('v2/t', '{"power":1}')).toBe(0);
  });

  it('compatibility: protobuf and JSON are both read on the same topic, but on /p only protobuf', async () => {
    const { client, id } = await device('both');
    await using _ = client;
    expect(await client.publish('v1/devices/me/telemetry', sample({ values: { power: 1.5 } }))).toBe(0);
    expect(await client.publish('v1/devices/me/telemetry', '{"json":7}')).toBe(0);
    expect(await client.publish('v2/t/p', '{"json":7}')).toBe(0x99);
    expect(await client.publish('v2/t', 'neither')).toBe(0x99);
    const text = await stored(id);
    expect(text).toContain('"power":[{"value":1.5}]');
    expect(text).toContain('"json":[{"value":7}]');
  });

  it.each([
    ['proto', 'v2/a/req/7', 'v2/a/res/7'],
    ['proto', 'v2/a/req/p/7', 'v2/a/res/p/7'],
    ['proto', 'v1/devices/me/attributes/request/7', 'v1/devices/me/attributes/response/7'],
    ['plain', 'v2/a/req/p/7', 'v2/a/res/p/7'],
    ['json-down', 'v2/a/req/7', 'v2/a/res/7'],
  ])(
    'attribute request, profile %s: %s is answered in protobuf, every type as it is',
    async (profile, topic, answerTopic) => {
      const { client, id } = await device(profile);
      await using _ = client;
      await client.publish('v2/a/j', '{"serial":"S1","on":true}');
      await shared(id, { limit: 5, ratio: 2.5, cfg: { x: [1] } });
      expect(
        await client.publish(
          topic,
          write(FIXED, 'AttributesRequest', { clientKeys: 'serial,on', sharedKeys: 'limit,ratio,cfg,none' }),
        ),
      ).toBe(0);
      const answer = await packet(client);
      expect(answer.topic).toBe(answerTopic);
      const body = read(FIXED, 'GetAttributeResponseMsg', answer.payload) as {
        clientAttributeList: { ts: string; kv: Fields }[];
        sharedAttributeList: { kv: Fields }[];
      };
      expect(body).toMatchObject({ requestId: 7, isMultipleAttributesRequest: true });
      expect(body.clientAttributeList.map(({ kv }) => kv)).toEqual([
        { key: 'serial', type: 'STRING_V', string_v: 'S1' },
        { key: 'on', bool_v: true },
      ]);
      expect(Number(body.clientAttributeList[0]?.ts)).toBeGreaterThan(Date.now() - 60_000);
      expect(
        body.sharedAttributeList.map(({ kv }) => kv).sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1)),
      ).toEqual([
        { key: 'cfg', type: 'JSON_V', json_v: '{"x":[1]}' },
        { key: 'limit', type: 'LONG_V', long_v: '5' },
        { key: 'ratio', type: 'DOUBLE_V', double_v: 2.5 },
      ]);
    },
  );

  it('an empty attribute request asks for all; a number beyond 32 bits does no harm; v2/a/req/j is JSON', async () => {
    const { client, id } = await device('proto');
    await using _ = client;
    await shared(id, { limit: 5 });
    expect(await client.publish('v2/a/req/9999999999', Buffer.alloc(0))).toBe(0);
    const answer = await packet(client);
    expect(answer.topic).toBe('v2/a/res/9999999999');
    expect(read(FIXED, 'GetAttributeResponseMsg', answer.payload).sharedAttributeList).toMatchObject([
      { kv: { key: 'limit' } },
    ]);
    expect(await client.publish('v2/a/req/j/8', '{"sharedKeys":"limit"}')).toBe(0);
    expect(await client.message()).toBe('v2/a/res/j/8 {"shared":{"limit":5}}');
    expect(await client.publish('v2/a/req/8', '{"sharedKeys":"limit"}')).toBe(0x99);
  });

  it('with JSON on the default topics, v1 goes down in JSON and v2 in protobuf', async () => {
    const { client, id } = await device('json-down');
    await using _ = client;
    await shared(id, { limit: 5 });
    await client.publish(
      'v1/devices/me/attributes/request/1',
      write(FIXED, 'AttributesRequest', { sharedKeys: 'limit' }),
    );
    expect(await client.message()).toBe('v1/devices/me/attributes/response/1 {"shared":{"limit":5}}');
    await client.subscribe('v1/devices/me/attributes');
    await shared(id, { limit: 6 });
    expect(await client.message()).toBe('v1/devices/me/attributes {"limit":6}');
    await client.subscribe('v2/a');
    await shared(id, { limit: 7 });
    const update = await packet(client);
    expect(read(FIXED, 'AttributeUpdateNotificationMsg', update.payload)).toMatchObject({
      sharedUpdated: [{ kv: { key: 'limit', long_v: '7' } }],
    });
  });

  it.each(['v2/a/p', 'v2/a', 'v1/devices/me/attributes'])(
    'shared attributes on %s: changed and removed ones',
    async (filter) => {
      const { client, id } = await device('proto');
      await using _ = client;
      expect(await client.subscribe(filter)).toEqual([1]);
      await shared(id, { deleted: ['not removed'] });
      const update = await packet(client);
      expect(update.topic).toBe(filter);
      expect(read(FIXED, 'AttributeUpdateNotificationMsg', update.payload)).toMatchObject({
        sharedUpdated: [{ kv: { key: 'deleted', type: 'JSON_V', json_v: '["not removed"]' } }],
      });
      await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE?keys=deleted`, { method: 'DELETE' });
      expect(read(FIXED, 'AttributeUpdateNotificationMsg', (await packet(client)).payload)).toEqual({
        sharedDeleted: ['deleted'],
      });
    },
  );

  it.each([
    ['v2/r/req/p/+', 'v2/r/req/p/0', 'v2/r/res/p/0'],
    ['v2/r/req/+', 'v2/r/req/0', 'v2/r/res/0'],
    ['v1/devices/me/rpc/request/+', 'v1/devices/me/rpc/request/0', 'v1/devices/me/rpc/response/0'],
  ])("a call to the device on %s uses the profile's schemas, both ways", async (filter, request, response) => {
    const { client, id } = await device('proto');
    await using _ = client;
    expect(await client.subscribe(filter)).toEqual([1]);
    const answer = call(id, '{"method":"setGpio","params":{"pin":7,"big":9007199254740993}}');
    const came = await packet(client);
    expect(came.topic).toBe(request);
    expect(read(RPC_REQUEST, 'Call', came.payload)).toEqual({
      method: 'setGpio',
      params: { pin: 7, big: '9007199254740993' },
    });
    expect(await client.publish(response, '{"ok":true}')).toBe(0x99);
    expect(await client.publish(response, write(RPC_RESPONSE, 'Done', { ok: true, big: '9007199254740993' }))).toBe(0);
    expect(await answer).toBe('200 {"ok":true,"big":9007199254740993}');
  });

  it("ThingsBoard's schemas for calls hold where the profile gives none; params go as text", async () => {
    const { client, id } = await device('flat');
    await using _ = client;
    await client.subscribe('v2/r/req/+');
    const answer = call(id, '{"method":"m","params":{"pin":7}}');
    const standard =
      'syntax = "proto3"; message R { optional string method = 1; optional int32 requestId = 2; optional string params = 3; }';
    expect(read(standard, 'R', (await packet(client)).payload)).toEqual({
      method: 'm',
      requestId: 0,
      params: '{"pin":7}',
    });
    await client.publish('v2/r/res/0', Buffer.from('0a0161', 'hex'));
    expect(await answer).toBe('200 {"payload":"a"}');
  });

  it.each([
    ['proto', '{"method":"m","params":{"pin":"x"}}', 'pin must be a whole number'],
    ['plain', '{"method":"m","params":{}}', 'the profile has no protobuf schema for calls'],
  ])(
    'a call that does not fit the schema of profile %s: the caller is told, the device hears nothing',
    async (profile, body, why) => {
      const { client, id } = await device(profile);
      await using _ = client;
      await client.subscribe('v2/r/req/p/+');
      expect(await call(id, body)).toBe(`200 {"error":"the call does not fit the protobuf schema: ${why}"}`);
      await client.alive();
      expect(client.unread).not.toContain('publish');
    },
  );

  it.each([
    ['proto', 'v2/r/req/p/3', 'v2/r/res/p/3'],
    ['proto', 'v1/devices/me/rpc/request/3', 'v1/devices/me/rpc/response/3'],
    ['plain', 'v2/r/req/p/3', 'v2/r/res/p/3'],
  ])('a call of the device, profile %s: %s is answered in protobuf', async (profile, request, response) => {
    const { client } = await device(profile);
    await using _ = client;
    expect(
      await client.publish(request, write(FIXED, 'RpcRequest', { method: 'getTime', params: '{"zone":"UTC"}' })),
    ).toBe(0);
    const answer = await packet(client);
    expect(answer.topic).toBe(response);
    const body = read(FIXED, 'ToServerRpcResponseMsg', answer.payload);
    expect(body).toMatchObject({ requestId: 3 });
    expect(JSON.parse(String(body.payload))).toMatchObject({ params: { zone: 'UTC' } });
    expect(await client.publish(request, write(FIXED, 'RpcRequest', { method: 'nobody answers' }))).toBe(0);
    expect(read(FIXED, 'ToServerRpcResponseMsg', (await packet(client)).payload)).toEqual({
      requestId: 3,
      error: 'timeout',
    });
  });

  it.each([
    ['plain', { transportPayloadType: 'JSON' }],
    [
      'json-down',
      {
        transportPayloadType: 'PROTOBUF',
        enableCompatibilityWithJsonPayloadFormat: true,
        useJsonPayloadFormatForDefaultDownlinkTopics: true,
      },
    ],
  ])('REST shows the payload type of profile %s', async (name, transportPayloadTypeConfiguration) => {
    const { data } = await api<{ data: Fields[] }>(broker, `/api/deviceProfiles?textSearch=${name}&pageSize=10&page=0`);
    const transportConfiguration = name === 'plain' ? { type: 'DEFAULT' } : { transportPayloadTypeConfiguration };
    expect(data).toMatchObject([{ name, profileData: { transportConfiguration } }]);
  });

  it('getSessionLimits in protobuf', async () => {
    const { client } = await device('proto');
    await using _ = client;
    await client.publish('v1/devices/me/rpc/request/1', write(FIXED, 'RpcRequest', { method: 'getSessionLimits' }));
    const { payload } = read(FIXED, 'ToServerRpcResponseMsg', (await packet(client)).payload);
    expect(JSON.parse(String(payload))).toHaveProperty('maxPayloadSize');
  });

  it('a claim in protobuf', async () => {
    const { client, name } = await device('proto');
    await using _ = client;
    const customer = await api<{ id: { id: string } }>(broker, '/api/customer', {
      method: 'POST',
      body: { title: 'Alice' },
    });
    expect(
      await client.publish(
        'v1/devices/me/claim',
        write(FIXED, 'ClaimDevice', { secretKey: 'sesame', durationMs: 60_000 }),
      ),
    ).toBe(0);
    const path = `/api/customer/device/${name}/claim?customerId=${customer.id.id}`;
    expect(await api(broker, path, { method: 'POST', body: { secretKey: 'sesame' } })).toMatchObject({
      response: 'SUCCESS',
    });
  });

  it('provisioning in protobuf is answered in protobuf', async () => {
    const keys = { provisionDeviceKey: 'proto', provisionDeviceSecret: broker.provisionSecret };
    const ask = async (payload: Buffer) => {
      await using client = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: 'provision' });
      expect(await client.publish('/provision/request', payload)).toBe(0);
      return read(FIXED, 'ProvisionDeviceResponseMsg', (await packet(client)).payload);
    };
    const request = (fields: Fields) => write(FIXED, 'ProvisionDeviceRequestMsg', { keys, ...fields });
    expect(await ask(request({ deviceName: 'pb-1', data: { token: { token: 'tok-pb-1' } } }))).toEqual({
      status: 'SUCCESS',
      credentialsValue: 'tok-pb-1',
    });
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'tok-pb-1' });
    await client.alive();
    expect(await ask(request({ deviceName: 'pb-1' }))).toEqual({ status: 'FAILURE' });
    const basic = await ask(
      request({
        deviceName: 'pb-2',
        credentialsType: 'MQTT_BASIC',
        data: { basic: { clientId: 'c2', userName: 'u2', password: 'p2' } },
      }),
    );
    expect(basic).toMatchObject({ status: 'SUCCESS', credentialsType: 'MQTT_BASIC' });
    expect(JSON.parse(String(basic.credentialsValue))).toEqual({ clientId: 'c2', userName: 'u2', password: 'p2' });
    expect(await ask(Buffer.alloc(0))).toEqual({ status: 'NOT_FOUND' });
    expect(await ask(request({ deviceName: 'pb-gateway', gateway: true }))).toMatchObject({ status: 'SUCCESS' });
    expect(await api(broker, '/api/tenant/devices?deviceName=pb-gateway')).toMatchObject({
      additionalInfo: { gateway: true },
    });
    expect(await api(broker, '/api/tenant/devices?deviceName=pb-1')).toMatchObject({ additionalInfo: {} });
  });
});
