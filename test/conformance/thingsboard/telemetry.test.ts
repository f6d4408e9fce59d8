import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, newDevice, provision } from '../../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
const secret = { env: 'PROVISION_SECRET_SMART_METER' };
const strategy = 'allow-create-new-devices';
const PROFILES = {
  'smart-meter': { provision: { strategy, key: 'smart-meter', secret } },
  cast: { provision: { strategy, key: 'cast', secret }, typeCast: true },
  acked: { provision: { strategy, key: 'acked', secret }, transport: 'mqtt', sendAckOnValidationException: true },
  topics: { provision: { strategy, key: 'topics', secret }, transport: 'mqtt', topics: { telemetry: 'dev/+/t' } },
  limited: { provision: { strategy, key: 'limited', secret }, limits: { telemetryMessages: '2:60' } },
};

describe('thingsboard-device-api 12: telemetry and attributes', () => {
  let broker: Broker;
  let profilesDir: string;
  const device = async (name: string, version: 4 | 5 = 4, profile = 'smart-meter') => {
    await provision(broker, { deviceName: name, token: `tok-${name}`, provisionDeviceKey: profile });
    return MqttClient.connect({ port: broker.ports.mqtt, version, userName: `tok-${name}` });
  };
  /** Values as exact JSON text. */
  const exact = async (name: string): Promise<string> => {
    const id = await deviceId(broker, name);
    const response = await fetch(
      `${broker.url}/api/plugins/telemetry/DEVICE/${id}/values/timeseries?useStrictDataTypes=true`,
      { headers: { authorization: `Bearer ${broker.adminKey}` } },
    );
    return (await response.text()).replaceAll(/"ts":\d+,/g, '');
  };

  beforeAll(async () => {
    profilesDir = await mkdtemp(join(tmpdir(), 'gridmoor-profiles-'));
    for (const [name, profile] of Object.entries(PROFILES)) {
      await writeFile(join(profilesDir, `${name}.json`), JSON.stringify({ name, ...profile }));
    }
    broker = await startBroker({ profilesDir, env: { GRIDMOOR_FREE_REFUSALS: '100000' } });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(profilesDir, { recursive: true, force: true });
  });

  it('41: one object is stored at server time', async () => {
    await using client = await device('t41');
    const before = Date.now();
    expect(await client.publish(TELEMETRY, '{"t":25.1}')).toBe(0);
    const id = await deviceId(broker, 't41');
    const stored = await api<Record<string, { ts: number; value: string }[]>>(
      broker,
      `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=t`,
    );
    expect(stored.t?.[0]?.value).toBe('25.1');
    expect(stored.t?.[0]?.ts).toBeGreaterThanOrEqual(before);
    expect(stored.t?.[0]?.ts).toBeLessThanOrEqual(Date.now());
  });

  it('42: an array of timed samples is stored at their own times, with one PUBACK', async () => {
    await using client = await device('t42');
    const payload = '[{"ts":1700000000000,"values":{"t":1}},{"ts":1700000001000,"values":{"t":2}}]';
    expect(await client.publish(TELEMETRY, payload)).toBe(0);
    await client.alive();
    expect(client.unread).toEqual([]);
    const id = await deviceId(broker, 't42');
    const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=t&startTs=1700000000000&endTs=1700000002000&orderBy=ASC`;
    const stored = await api<Record<string, { ts: number; value: string }[]>>(broker, path);
    expect(stored.t).toEqual([
      { ts: 1700000000000, value: '1' },
      { ts: 1700000001000, value: '2' },
    ]);
  });

  const payload43 = '{"a":42,"b":42.0,"c":9007199254740993,"d":"007","e":"+5","f":null,"g":{"x":1}}';

  it('43: exact numbers, nulls skipped, nested JSON; with type cast "007" is 7', async () => {
    await using client = await device('t43', 4, 'cast');
    await client.publish(TELEMETRY, payload43);
    const stored = await exact('t43');
    for (const part of [
      '"a":[{"value":42}]',
      '"b":[{"value":42.0}]',
      '"c":[{"value":9007199254740993}]',
      '"d":[{"value":7}]',
      '"e":[{"value":"+5"}]',
    ]) {
      expect(stored).toContain(part);
    }
    expect(stored).not.toContain('"f"');
    expect(stored).toMatch(/"g":\[\{"value":(\{"x":1\}|"\{\\"x\\":1\}")\}\]/);
  });

  it('43, departure: without type cast "007" stays text', async () => {
    await using client = await device('t43-plain');
    await client.publish(TELEMETRY, payload43);
    expect(await exact('t43-plain')).toContain('"d":[{"value":"007"}]');
  });

  it('44: with type cast, numbers out of range become text, 1.5e3 is 1500', async () => {
    await using client = await device('t44', 4, 'cast');
    await client.publish(TELEMETRY, '{"x":9223372036854775808,"y":1.5e3,"z":0.12345678901234567}');
    expect(await latest(broker, 't44')).toEqual({ x: '9223372036854775808', y: '1500', z: '0.12345678901234567' });
  });

  it('45: values without ts is one key', async () => {
    await using client = await device('t45');
    await client.publish(TELEMETRY, '{"values":{"t":1}}');
    expect(Object.keys(await latest(broker, 't45'))).toEqual(['values']);
  });

  it('46: MQTT 5: bad JSON is acknowledged with 0x99, and the session goes on', async () => {
    await using client = await device('t46', 5);
    for (const bad of ['not json', '', '[1]', '"x"', '5', 'null', '[[{}]]', '{"ts":"x","values":{}}', '{"a":1}x']) {
      expect(await client.publish(TELEMETRY, bad)).toBe(0x99);
    }
    expect(await client.publish(TELEMETRY, '{"a":1}')).toBe(0);
  });

  it('46: MQTT 5, QoS 0: DISCONNECT 0x99', async () => {
    await using client = await device('t46-0', 5);
    client.publishQos0(TELEMETRY, 'not json');
    expect(await client.ended()).toBe(0x99);
  });

  it('47: 3.1.1: bad JSON closes the connection; with the profile flag it is acknowledged', async () => {
    await using off = await device('t47-off');
    off.send({
      cmd: 'publish',
      topic: TELEMETRY,
      payload: 'not json',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
    });
    await off.ended();
    expect(off.unread).toEqual([]);
    await using on = await device('t47-on', 4, 'acked');
    expect(await on.publish(TELEMETRY, 'not json')).toBe(0);
    expect(await on.publish(TELEMETRY, '{"a":1}')).toBe(0);
    on.publishQos0(TELEMETRY, 'not json');
    await on.ended();
  });

  it('48: an unknown topic is acknowledged on 3.1.1 and stores nothing; MQTT 5 gets 0x90; QoS 0 is ignored', async () => {
    await using v3 = await device('t48');
    expect(await v3.publish('foo/bar', '{"a":1}')).toBe(0);
    v3.publishQos0('foo/bar', '{"a":1}');
    await v3.alive();
    expect(await latest(broker, 't48')).toEqual({});
    await using v5 = await device('t48-5', 5);
    expect(await v5.publish('foo/bar', '{"a":1}')).toBe(0x90);
    v5.publishQos0('foo/bar', '{"a":1}');
    await v5.alive();
  });

  it('49: an empty array is acknowledged', async () => {
    await using client = await device('t49');
    expect(await client.publish(TELEMETRY, '[]')).toBe(0);
  });

  it('50: client attributes are stored in client scope and do not come back', async () => {
    await using client = await device('t50');
    expect(await client.subscribe(ATTRIBUTES)).toEqual([1]);
    expect(await client.publish(ATTRIBUTES, '{"a":1,"n":null}')).toBe(0);
    await client.alive();
    expect(client.unread).toEqual([]);
    expect(await attributes(broker, 't50', 'CLIENT_SCOPE')).toEqual({ a: 1 });
  });

  it('50: client attributes must be an object', async () => {
    await using client = await device('t50-array', 5);
    expect(await client.publish(ATTRIBUTES, '[{"a":1}]')).toBe(0x99);
  });

  const setShared = async (name: string, values: unknown) => {
    const id = await deviceId(broker, name);
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: values });
  };

  it('51, 52: an attribute request is answered without a subscription', async () => {
    await using client = await device('t51');
    await client.publish(ATTRIBUTES, '{"a":1}');
    await setShared('t51', { c: 5, z: 'y' });
    const ask = async (id: number, body: string) => {
      await client.publish(`${ATTRIBUTES}/request/${id}`, body);
      return client.message();
    };
    expect(await ask(7, '{"clientKeys":"a,b","sharedKeys":"c"}')).toBe(
      `${ATTRIBUTES}/response/7 {"client":{"a":1},"shared":{"c":5}}`,
    );
    expect(await ask(8, '{"sharedKeys":"c"}')).toBe(`${ATTRIBUTES}/response/8 {"shared":{"c":5}}`);
    expect(await ask(9, '{"clientKeys":"unknown"}')).toBe(`${ATTRIBUTES}/response/9 {}`);
    const all = JSON.parse((await ask(10, '{}')).split(' ')[1] ?? '') as Record<string, unknown>;
    expect(all).toEqual({ client: { a: 1 }, shared: { c: 5, z: 'y' } });
  });

  it('53: shared attributes are pushed to subscribers, deletions too, server attributes never', async () => {
    await using client = await device('t53');
    await client.subscribe(ATTRIBUTES);
    await setShared('t53', { c: 6 });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"c":6}`);
    const id = await deviceId(broker, 't53');
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SERVER_SCOPE`, { method: 'POST', body: { s: 1 } });
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE?keys=c`, { method: 'DELETE' });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"deleted":["c"]}`);
  });

  it('54: the short topics do the same', async () => {
    await using client = await device('t54');
    expect(await client.publish('v2/t', '{"t":1}')).toBe(0);
    expect(await client.publish('v2/a', '{"a":2}')).toBe(0);
    await client.publish('v2/a/req/1', '{"clientKeys":"a"}');
    expect(await client.message()).toBe('v2/a/res/1 {"client":{"a":2}}');
    expect((await latest(broker, 't54')).t).toBe('1');
  });

  it('70: a custom telemetry filter replaces the standard topic; the short topic stays', async () => {
    await using client = await device('t70', 4, 'topics');
    await client.publish('dev/x/t', '{"a":1}');
    await client.publish(TELEMETRY, '{"b":1}');
    await client.publish('v2/t', '{"c":1}');
    expect(Object.keys(await latest(broker, 't70')).sort()).toEqual(['a', 'c']);
  });

  it('3.1: UNSUBSCRIBE from what was never granted ends no pushes; one from what was does', async () => {
    await using client = await device('t-unsubscribe', 5);
    const share = async (values: Record<string, unknown>) =>
      api(broker, `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 't-unsubscribe')}/SHARED_SCOPE`, {
        method: 'POST',
        body: values,
      });
    const leave = async (filter: string) => {
      client.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: [filter] });
      return (await client.next('unsuback')) as { granted?: number[] };
    };
    await client.subscribe('v1/devices/me/attributes');
    expect((await leave('v2/a')).granted).toEqual([0x11]);
    await share({ limit: 5 });
    expect(await client.message()).toBe('v1/devices/me/attributes {"limit":5}');
    expect((await leave('v1/devices/me/attributes')).granted).toEqual([0]);
    await share({ limit: 6 });
    await client.alive();
    expect(client.unread).not.toContain('publish');
  });

  it('71: the message beyond the limit closes the connection, others are untouched', async () => {
    await using other = await device('t71-other');
    await using client = await device('t71', 5, 'limited');
    expect(await client.publish(TELEMETRY, '{"a":1}')).toBe(0);
    expect(await client.publish(TELEMETRY, '{"a":2}')).toBe(0);
    client.send({
      cmd: 'publish',
      topic: TELEMETRY,
      payload: '{"a":3}',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 3,
    });
    expect(await client.ended()).toBe(0x83);
    await using again = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'tok-t71' });
    await again.alive();
    expect(await other.publish(TELEMETRY, '{"a":1}')).toBe(0);
    expect((await latest(broker, 't71')).a).toBe('2');
  });

  it('76: HTTP: telemetry {} is 200, an unknown token 401, invalid JSON 500', async () => {
    await newDevice(broker, 't76', 'tok-t76');
    const post = async (token: string, body: string) =>
      (await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body })).status;
    expect(await post('tok-t76', '{}')).toBe(200);
    expect(await post('tok-t76', '{"h":9007199254740993}')).toBe(200);
    expect((await latest(broker, 't76')).h).toBe('9007199254740993');
    expect(await post('nobody', '{}')).toBe(401);
    expect(await post('tok-t76', 'not json')).toBe(500);
  });
});
