import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, provision } from '../../helpers/system.ts';

const CONNECT = 'v1/gateway/connect';
const DISCONNECT = 'v1/gateway/disconnect';
const TELEMETRY = 'v1/gateway/telemetry';
const ATTRIBUTES = 'v1/gateway/attributes';
const REQUEST = 'v1/gateway/attributes/request';
const RESPONSE = 'v1/gateway/attributes/response';

const secret = { env: 'PROVISION_SECRET_SMART_METER' };
const allow = (key: string) => ({ strategy: 'allow-create-new-devices', key, secret });
const PROFILES = {
  'smart-meter': { provision: allow('smart-meter') },
  default: {},
  sensor: {},
  few: { provision: { ...allow('few'), quota: 1 } },
  acked: { provision: allow('acked'), transport: 'mqtt', sendAckOnValidationException: true },
  limited: { provision: allow('limited'), limits: { telemetryMessages: '2:60' } },
};

interface Relation {
  readonly from: { readonly id: string };
  readonly to: { readonly id: string };
  readonly type: string;
}

describe('thingsboard-device-api 12: gateway', () => {
  let broker: Broker;
  let limitedBroker: Broker;
  let profilesDir: string;

  const join5 = async (name: string, fields: Record<string, unknown>, version: 4 | 5, at: Broker) => {
    const answer = await provision(at, { deviceName: name, token: `tok-${name}`, ...fields });
    expect(answer.status).toBe('SUCCESS');
    return MqttClient.connect({ port: at.ports.mqtt, version, userName: `tok-${name}` });
  };
  const gateway = (name: string, version: 4 | 5 = 5, profile = 'smart-meter', at = broker) =>
    join5(name, { gateway: true, provisionDeviceKey: profile }, version, at);
  const plain = (name: string, version: 4 | 5) => join5(name, {}, version, broker);
  const setShared = async (name: string, values: Record<string, unknown>) => {
    const id = await deviceId(broker, name);
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: values });
  };
  const exists = async (name: string): Promise<boolean> =>
    deviceId(broker, name).then(
      () => true,
      () => false,
    );
  const deviceOf = async (name: string) =>
    api<{ type: string; additionalInfo: Record<string, unknown> }>(
      broker,
      `/api/device/${await deviceId(broker, name)}`,
    );
  /** New credentials of a device, so that it can connect by itself. */
  const tokenFor = async (name: string): Promise<string> => {
    const path = `/api/gridmoor/devices/${await deviceId(broker, name)}/rotate`;
    const { credentials } = await api<{ credentials: { token: string } }>(broker, path, { method: 'POST', body: {} });
    return credentials.token;
  };

  beforeAll(async () => {
    profilesDir = await mkdtemp(join(tmpdir(), 'gridmoor-profiles-'));
    for (const [name, profile] of Object.entries(PROFILES)) {
      await writeFile(join(profilesDir, `${name}.json`), JSON.stringify({ name, ...profile }));
    }
    broker = await startBroker({
      profilesDir,
      env: { GRIDMOOR_FREE_REFUSALS: '100000', GRIDMOOR_GATEWAY_SUB_DEVICES: '5' },
    });
    limitedBroker = await startBroker({
      profilesDir,
      env: { GRIDMOOR_GATEWAY_TELEMETRY_MESSAGES: '2:3600', GRIDMOOR_GATEWAY_DEVICE_TELEMETRY_MESSAGES: '3:3600' },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await limitedBroker[Symbol.asyncDispose]();
    await rm(profilesDir, { recursive: true, force: true });
  });

  it('62: an unknown device is created with profile default and relation Created; its data is stored under one PUBACK', async () => {
    await using client = await gateway('g62');
    const payload = '{"a62":[{"ts":1700000000000,"values":{"t":1}}],"b62":[{"t":2},{"t":3}]}';
    expect(await client.publish(TELEMETRY, payload)).toBe(0);
    await client.alive();
    expect(client.unread).toEqual([]);
    expect((await latest(broker, 'a62')).t).toBe('1');
    expect((await latest(broker, 'b62')).t).toBe('3');
    const { type, additionalInfo } = await deviceOf('a62');
    const from = await deviceId(broker, 'g62');
    expect(type).toBe('default');
    expect(additionalInfo).toEqual({ lastConnectedGateway: from });
    const relations = await api<Relation[]>(broker, `/api/relations?fromId=${from}&fromType=DEVICE`);
    const children = [await deviceId(broker, 'a62'), await deviceId(broker, 'b62')].sort();
    expect(relations.map((one) => [one.type, one.to.id])).toEqual(children.map((id) => ['Created', id]));
  });

  it('a type names the profile, when there is such a profile; it says nothing about a device that exists', async () => {
    await using client = await gateway('g-types');
    expect(await client.publish(CONNECT, '{"device":"typed","type":"sensor"}')).toBe(0);
    expect(await client.publish(CONNECT, '{"device":"untyped","type":"no such profile"}')).toBe(0);
    expect(await client.publish(DISCONNECT, '{"device":"typed"}')).toBe(0);
    expect(await client.publish(CONNECT, '{"device":"typed","type":"default"}')).toBe(0);
    expect((await deviceOf('typed')).type).toBe('sensor');
    expect((await deviceOf('untyped')).type).toBe('default');
  });

  it('63: shared attributes of a sub-device are pushed to its gateway, which never subscribed', async () => {
    await using client = await gateway('g63', 4);
    await client.publish(CONNECT, '{"device":"a63"}');
    await setShared('a63', { c: 5 });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"device":"a63","data":{"c":5}}`);
    const id = await deviceId(broker, 'a63');
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE?keys=c`, { method: 'DELETE' });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"device":"a63","data":{"deleted":["c"]}}`);
  });

  it('63: the subscription sets the QoS; after v1/gateway/disconnect nothing is pushed', async () => {
    await using client = await gateway('g63b');
    expect(await client.subscribe([ATTRIBUTES, 0], [RESPONSE, 2], 'v1/gateway/rpc', DISCONNECT)).toEqual([
      0, 1, 1, 0x8f,
    ]);
    await client.publish(CONNECT, '{"device":"b63"}');
    await setShared('b63', { c: 1 });
    expect(await client.next('publish')).toMatchObject({ topic: ATTRIBUTES, qos: 0 });
    expect(await client.publish(DISCONNECT, '{"device":"b63"}')).toBe(0);
    expect(await client.publish(DISCONNECT, '{"device":"nobody"}')).toBe(0);
    expect(await exists('nobody')).toBe(false);
    await setShared('b63', { c: 2 });
    await client.alive();
    expect(client.unread).toEqual([]);
  });

  it('64: the number of requested keys decides the shape of the answer', async () => {
    await using client = await gateway('g64');
    await client.publish(ATTRIBUTES, '{"a64":{"k1":5,"k2":"x"}}');
    await setShared('a64', { s: 42.5 });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"device":"a64","data":{"s":42.5}}`);
    const ask = async (more: Record<string, unknown>) => {
      expect(await client.publish(REQUEST, JSON.stringify({ id: 1, device: 'a64', client: true, ...more }))).toBe(0);
      return client.message();
    };
    expect(await ask({ key: 'k1' })).toBe(`${RESPONSE} {"id":1,"device":"a64","value":5}`);
    expect(await ask({ keys: ['k2'] })).toBe(`${RESPONSE} {"id":1,"device":"a64","value":"x"}`);
    expect(await ask({ keys: ['k1', 'no'] })).toBe(`${RESPONSE} {"id":1,"device":"a64","values":{"k1":5}}`);
    expect(await ask({ key: 'no' })).toBe(`${RESPONSE} {"id":1,"device":"a64"}`);
    expect(await ask({ client: false, id: 7, key: 's' })).toBe(`${RESPONSE} {"id":7,"device":"a64","value":42.5}`);
    expect(await attributes(broker, 'a64', 'CLIENT_SCOPE')).toEqual({ k1: 5, k2: 'x' });
  });

  it('66: a device that is no gateway has no gateway API; its session stays', async () => {
    await using v3 = await plain('p66-3', 4);
    v3.send({
      cmd: 'publish',
      topic: TELEMETRY,
      payload: '{"a66":[{"t":1}]}',
      qos: 1,
      messageId: 77,
      dup: false,
      retain: false,
    });
    await v3.alive();
    expect(v3.unread).toEqual([]);
    expect(await v3.publish('v1/devices/me/telemetry', '{"t":1}')).toBe(0);
    expect(await v3.subscribe(ATTRIBUTES)).toEqual([0x80]);
    await using v5 = await plain('p66-5', 5);
    expect(await v5.publish(TELEMETRY, '{"a66":[{"t":1}]}')).toBe(0x87);
    await v5.alive();
    expect(await exists('a66')).toBe(false);
  });

  it('67: telemetry that is no array is refused; beside an array it is left out', async () => {
    const client = await gateway('g67');
    expect(await client.publish(TELEMETRY, '{"a67":{"t":1}}')).toBe(0x83);
    expect(await client.ended()).toBe(0x83);
    await using again = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: 'tok-g67' });
    expect(await again.publish(TELEMETRY, '{"a67":{"t":1},"b67":[{"t":1}]}')).toBe(0);
    expect((await latest(broker, 'b67')).t).toBe('1');
    expect(await exists('a67')).toBe(false);
    await using v3 = await gateway('g67v3', 4);
    expect(await v3.publish(TELEMETRY, '{"a67":{"t":1}}')).toBe(0);
    await v3.ended();
  });

  it.each([
    ['telemetry of a number', TELEMETRY, '5'],
    ['no member', ATTRIBUTES, '{}'],
    ['an empty name', TELEMETRY, '{"":[{"t":1}]}'],
    ['no device', CONNECT, '{"type":"sensor"}'],
    ['an empty device', DISCONNECT, '{"device":" "}'],
    ['a request without id', REQUEST, '{"device":"x","client":true,"key":"k"}'],
    ['a request without scope', REQUEST, '{"id":1,"device":"x","key":"k"}'],
    ['a request without keys', REQUEST, '{"id":1,"device":"x","client":true}'],
  ])('4.2: %s ends the connection with 0x83', async (what, topic, payload) => {
    const client = await gateway(`g-wrong ${what}`);
    expect(await client.publish(topic, payload)).toBe(0x83);
    expect(await client.ended()).toBe(0x83);
  });

  it('4.2: what is not JSON: 0x99 and open on 5; on 3.1.1 closed, or acknowledged with the flag of the profile', async () => {
    await using v5 = await gateway('g-json5');
    expect(await v5.publish(TELEMETRY, 'not json')).toBe(0x99);
    expect(await v5.publish('v1/gateway/unknown', '{}')).toBe(0x90);
    await v5.alive();
    await using acked = await gateway('g-json3', 4, 'acked');
    expect(await acked.publish(TELEMETRY, 'not json')).toBe(0);
    await acked.alive();
    const v3 = await gateway('g-json3b', 4);
    await expect(v3.publish(TELEMETRY, 'not json')).rejects.toThrow('the connection ended');
  });

  it('4.2: a member whose content cannot be read spares the others; 0x99 and open on 5, closed on 3.1.1', async () => {
    await using v5 = await gateway('g-member5');
    expect(await v5.publish(TELEMETRY, '{"m5":[1],"n5":[{"t":1}]}')).toBe(0x99);
    await v5.alive();
    expect((await latest(broker, 'n5')).t).toBe('1');
    const v3 = await gateway('g-member3', 4, 'acked');
    await expect(v3.publish(ATTRIBUTES, `{"m3":{"${'k'.repeat(256)}":1},"n3":{"a":1}}`)).rejects.toThrow();
    expect(await attributes(broker, 'n3', 'CLIENT_SCOPE')).toEqual({ a: 1 });
  });

  it('4.2: a name that cannot be is 0x80, a full profile and a full gateway are 0x97; the session stays', async () => {
    await using client = await gateway('g-full');
    expect(await client.publish(CONNECT, '{"device":"<b>"}')).toBe(0x80);
    expect(await client.publish(CONNECT, '{"device":"f1","type":"few"}')).toBe(0);
    expect(await client.publish(CONNECT, '{"device":"f2","type":"few"}')).toBe(0x97);
    const five = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`full-${i}`, [{ t: i }]]));
    expect(await client.publish(TELEMETRY, JSON.stringify(five))).toBe(0x97);
    const made = await Promise.all(Object.keys(five).map(exists));
    expect(made.filter(Boolean)).toHaveLength(4);
    for (let i = 0; i < 5; i++) await client.publish(DISCONNECT, `{"device":"full-${i}"}`);
    expect(await client.publish(CONNECT, '{"device":"one too many"}')).toBe(0x97);
    await client.alive();
  });

  it('4.2: QoS 0 is processed, nothing is acknowledged', async () => {
    await using client = await gateway('g-qos0');
    client.publishQos0(TELEMETRY, '{"q0":[{"t":1}]}');
    client.publishQos0(CONNECT, '{"device":"<b>"}');
    expect(await client.publish(TELEMETRY, '{"q0":[{"t":2}]}')).toBe(0);
    expect(client.unread).toEqual([]);
    expect((await latest(broker, 'q0')).t).toBe('2');
  });

  it('4.2: at QoS 0 a wrong form and what is not JSON end the connection, with the code on 5', async () => {
    for (const [payload, code] of [
      ['{"A":{"t":1}}', 0x83],
      ['not json', 0x99],
    ] as const) {
      const v5 = await gateway(`g-q0-${code}`);
      v5.publishQos0(TELEMETRY, payload);
      expect(await v5.ended()).toBe(code);
      const v3 = await gateway(`g-q0-${code}-v3`, 4);
      v3.publishQos0(TELEMETRY, payload);
      await v3.ended();
    }
  });

  it('4.2: on 3.1.1 a device that cannot be created, or is not its own, is acknowledged and nothing else', async () => {
    await using client = await gateway('g-v3', 4);
    expect(await client.publish(CONNECT, '{"device":"<b>"}')).toBe(0);
    expect(await client.publish(TELEMETRY, '{"g-v3":[{"t":1}]}')).toBe(0);
    await client.alive();
    expect(await latest(broker, 'g-v3')).toEqual({});
  });

  it('68: the limit of all sub-devices together is announced, then the connection ends; the own limit is another', async () => {
    const client = await gateway('g68', 5, 'smart-meter', limitedBroker);
    expect(await client.publish('v1/devices/me/telemetry', '{"own":1}')).toBe(0);
    expect(await client.publish('v1/devices/me/telemetry', '{"own":2}')).toBe(0);
    expect(await client.publish(TELEMETRY, '{"a68":[{"t":1}],"b68":[{"t":1}]}')).toBe(0);
    expect(await client.publish(TELEMETRY, '{"a68":[{"t":2}]}')).toBe(0x97);
    expect(await client.message()).toBe(`${DISCONNECT} {"device":"a68","reason":150}`);
    expect(await client.ended()).toBe(0x97);
    expect((await latest(limitedBroker, 'a68')).t).toBe('1');
    const again = { port: limitedBroker.ports.mqtt, userName: 'tok-g68' };
    await using v3 = await MqttClient.connect(again);
    expect(await v3.publish('v1/devices/me/telemetry', '{"own":3}')).toBe(0);
    await expect(v3.publish(TELEMETRY, '{"a68":[{"t":3}]}')).rejects.toThrow('the connection ended');
    await using last = await MqttClient.connect(again);
    await expect(last.publish('v1/devices/me/telemetry', '{"own":4}')).rejects.toThrow('the connection ended');
  });

  it('68: a sub-device profile sets no limit of its own behind a gateway', async () => {
    await using client = await gateway('g68c');
    await client.publish(CONNECT, '{"device":"c68","type":"limited"}');
    for (let i = 0; i < 4; i++) expect(await client.publish(TELEMETRY, `{"c68":[{"t":${i}}]}`)).toBe(0);
  });

  it('69: newest wins between gateway and direct connection, both ways; the gateway stays', async () => {
    await using client = await gateway('g69');
    await client.publish(CONNECT, '{"device":"a69"}');
    const token = await tokenFor('a69');
    await setShared('a69', { c: 0 });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"device":"a69","data":{"c":0}}`);
    const direct = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: token });
    await direct.subscribe('v1/devices/me/attributes');
    await setShared('a69', { c: 1 });
    expect(await direct.message()).toBe('v1/devices/me/attributes {"c":1}');
    await client.alive();
    expect(client.unread).toEqual([]);
    expect(await client.publish(TELEMETRY, '{"a69":[{"t":1}]}')).toBe(0);
    expect(await direct.ended()).toBe(0x8e);
    await setShared('a69', { c: 2 });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"device":"a69","data":{"c":2}}`);
  });

  it('isolation: a gateway speaks only for devices related to it, and hears nothing of others', async () => {
    await using a = await gateway('iso-a');
    await using b = await gateway('iso-b');
    await plain('iso-meter', 5).then((meter) => meter[Symbol.asyncDispose]());
    await b.publish(CONNECT, '{"device":"of-b"}');
    for (const name of ['of-b', 'iso-b', 'iso-a', 'iso-meter']) {
      expect(await a.publish(CONNECT, JSON.stringify({ device: name }))).toBe(0x87);
      expect(await a.publish(TELEMETRY, JSON.stringify({ [name]: [{ stolen: 1 }] }))).toBe(0x87);
      expect(await a.publish(REQUEST, JSON.stringify({ id: 1, device: name, client: false, keys: ['c', 'd'] }))).toBe(
        0x87,
      );
      expect(await latest(broker, name)).toEqual({});
    }
    await setShared('of-b', { c: 1 });
    expect(await b.message()).toBe(`${ATTRIBUTES} {"device":"of-b","data":{"c":1}}`);
    await a.alive();
    expect(a.unread).toEqual([]);
    expect((await deviceOf('of-b')).additionalInfo.lastConnectedGateway).toBe(await deviceId(broker, 'iso-b'));
  });

  it('a gateway that reconnects takes its sub-devices along; one that leaves takes their sessions with it', async () => {
    const first = await gateway('g-again');
    await first.publish(CONNECT, '{"device":"again"}');
    const second = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: 'tok-g-again' });
    await second.publish(CONNECT, '{"device":"again"}');
    expect(await first.ended()).toBe(0x8e);
    await setShared('again', { c: 1 });
    expect(await second.message()).toBe(`${ATTRIBUTES} {"device":"again","data":{"c":1}}`);
    second.send({ cmd: 'disconnect' });
    await second.ended();
    await using third = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: 'tok-g-again' });
    await setShared('again', { c: 2 });
    await third.alive();
    expect(third.unread).toEqual([]);
  });

  it('what a gateway is refused is counted by its reason', async () => {
    await using client = await gateway('g-count');
    await client.publish(CONNECT, '{"device":"g-count"}');
    const metrics = await (await fetch(`${broker.url}/metrics`)).text();
    expect(metrics).toMatch(/gateway:not-yours"[^\n]* [1-9]/);
  });

  it('a deleted sub-device is made anew by the next publish', async () => {
    await using client = await gateway('g-del');
    await client.publish(TELEMETRY, '{"del":[{"t":1}]}');
    const before = await deviceId(broker, 'del');
    await api(broker, `/api/device/${before}`, { method: 'DELETE' });
    expect(await client.publish(TELEMETRY, '{"del":[{"t":2}]}')).toBe(0);
    expect(await deviceId(broker, 'del')).not.toBe(before);
    expect((await latest(broker, 'del')).t).toBe('2');
  });

  it('what is sent for one device while it is being created keeps its order', async () => {
    await using client = await gateway('g-order');
    const publishes = Array.from({ length: 30 }, (_, i) => ({
      cmd: 'publish' as const,
      topic: TELEMETRY,
      payload: `{"ordered":[{"ts":1700000000000,"values":{"t":${i}}}]}`,
      qos: 1 as const,
      messageId: i + 1,
      dup: false,
      retain: false,
    }));
    client.send(...publishes);
    for (let i = 1; i <= 30; i++) expect(await client.next('puback')).toMatchObject({ messageId: i, reasonCode: 0 });
    expect((await latest(broker, 'ordered')).t).toBe('29');
  });

  it('kill -9: what was acknowledged stands, with the relation; the gateway goes on', async () => {
    await using own = await startBroker({ profilesDir });
    const before = await gateway('g-kill', 5, 'smart-meter', own);
    expect(await before.publish(TELEMETRY, '{"k1":[{"t":1}],"k2":[{"t":2}]}')).toBe(0);
    await own.restart('SIGKILL');
    const from = await deviceId(own, 'g-kill');
    const relations = await api<Relation[]>(own, `/api/relations?fromId=${from}&fromType=DEVICE&relationType=Created`);
    const children = [await deviceId(own, 'k1'), await deviceId(own, 'k2')].sort();
    expect(relations.map(({ to }) => to.id)).toEqual(children);
    expect((await latest(own, 'k2')).t).toBe('2');
    await using after = await MqttClient.connect({ port: own.ports.mqtt, version: 5, userName: 'tok-g-kill' });
    expect(await after.publish(TELEMETRY, '{"k1":[{"t":3}]}')).toBe(0);
    expect((await latest(own, 'k1')).t).toBe('3');
  });
});
