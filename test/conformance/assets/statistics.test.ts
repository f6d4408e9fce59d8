import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, newDevice } from '../../helpers/system.ts';
import { addDevice, ENOS, enosNames, enosProfile, openThing, startDialects } from '../dialects/kit.ts';
import { publishAndRead } from '../dialects/messages.ts';

const MESSAGES = '/api/gridmoor/statistics/messages';

interface Answer {
  readonly active: number;
  readonly subDevices: number;
  readonly sum: Readonly<Record<string, number>>;
  readonly buckets: readonly { readonly at: number; readonly counts: Readonly<Record<string, number>> }[];
}

describe('statistics', () => {
  const metric = async (broker: Broker, line: string): Promise<number> => {
    const text = await (await fetch(`${broker.url}/metrics`)).text();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return Number(found?.slice(line.length + 1));
  };
  const create = (broker: Broker, name: string) =>
    api(broker, '/api/gridmoor/devices', { method: 'POST', body: { name, profile: 'smart-meter' } });
  const online = async (broker: Broker, name: string): Promise<MqttClient> => {
    const client = await MqttClient.connect({ port: broker.ports.mqtt, userName: await newDevice(broker, name) });
    await client.alive(); // its session is open: a CONNACK alone does not say so
    return client;
  };

  it('asset 5: devices by condition add up to the total, and the metrics show the same', async () => {
    await using broker = await startBroker();
    const here: MqttClient[] = [];
    for (const name of ['a', 'b', 'c', 'd']) here.push(await online(broker, name));
    for (const name of ['e', 'f']) await (await online(broker, name))[Symbol.asyncDispose]();
    for (const name of ['g', 'h', 'i', 'j']) await create(broker, name);
    await api(broker, '/api/gridmoor/devices/j/disable', { method: 'POST' });
    const wanted = { total: 10, online: 4, offline: 2, inactive: 3, disabled: 1, retired: 0 };
    const counts = (query = '') => api(broker, `/api/gridmoor/statistics/devices${query}`);
    // A count is good for twenty times as long as it took.
    await expect.poll(() => counts(), { timeout: 40_000, interval: 200 }).toEqual(wanted);
    expect(await counts('?profile=smart-meter')).toEqual(wanted);
    expect((await counts('?profile=nobody')).total).toBe(0);
    for (const [condition, value] of Object.entries(wanted)) {
      if (condition !== 'total') expect(await metric(broker, `gridmoor_devices{condition="${condition}"}`)).toBe(value);
    }
    for (const client of here) await client[Symbol.asyncDispose]();
  });

  it('asset 5: of a hundred posts five are bad; the numbers are those of the metrics and outlive a restart', async () => {
    await using broker = await startBroker();
    await using client = await online(broker, 'meter');
    for (let at = 0; at < 95; at++) await client.publish('v1/devices/me/telemetry', `{"v":${at}}`);
    for (let at = 0; at < 5; at++) {
      await using bad = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'token-of-meter-0123456789' });
      bad.publishQos0('v1/devices/me/telemetry', 'not json');
      await bad.ended();
    }
    const sums = async (query = ''): Promise<Answer['sum']> => (await api<Answer>(broker, MESSAGES + query)).sum;
    await expect.poll(() => sums(), { timeout: 40_000 }).toMatchObject({ up: 100, failed: 5, 'up.processed': 95 });
    expect(await metric(broker, 'gridmoor_device_messages_total{outcome="processed"}')).toBe(95);
    expect(await metric(broker, 'gridmoor_device_messages_total{outcome="refused"}')).toBe(5);
    expect(await sums('?metric=up.refused,connections')).toEqual({
      up: 5,
      failed: 5,
      down: 0,
      'up.refused': 5,
      'connections.accepted': 6,
      'connections.refused': 0,
    });
    await expect(sums('?metric=nothing')).rejects.toThrow('400');

    await broker.restart();
    await expect(sums()).resolves.toMatchObject({ up: 100, failed: 5 });
    for (const [window, granularity] of [
      ['1h', '30'],
      ['1d', '5'],
      ['30d', '15'],
    ]) {
      const answer = await api<Answer>(broker, `${MESSAGES}?window=${window}&granularity=${granularity}`);
      expect(answer.sum).toMatchObject({ up: 100, failed: 5, 'connections.accepted': 6 });
      expect(answer.buckets.reduce((up, { counts }) => up + (counts.up ?? 0), 0)).toBe(100);
    }
    await using again = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'token-of-meter-0123456789' });
    await again.publish('v1/devices/me/telemetry', '{"v":1}');
    await expect.poll(() => sums(), { timeout: 40_000 }).toMatchObject({ up: 101, failed: 5 });
  });

  it('asset 5: devices, messages and connections by profile, organisation and what they hold; a gateway is one connection', async () => {
    const secrets = [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }];
    const product = { key: ENOS.productKey, secrets, orgId: 'o-demo' };
    const native = { name: 'native', provision: { strategy: 'disabled' } };
    await using dialects = await startDialects([enosProfile('rod', { product }), native]);
    const { broker } = dialects;
    const body = { name: 'gate', type: 'native', additionalInfo: { gateway: true } };
    await api(broker, '/api/device?accessToken=token-of-the-gateway-0123', { method: 'POST', body });
    const { deviceSecret } = await addDevice(broker, 'rod', 'thing');
    await using gate = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'token-of-the-gateway-0123' });
    await using thing = await openThing(broker, enosNames({ deviceKey: 'thing', secret: deviceSecret }));
    expect(await thing.connack()).toBe(0);

    for (const device of ['a', 'b', 'c'])
      await gate.publish('v1/gateway/connect', JSON.stringify({ device, type: 'native' }));
    await gate.publish('v1/gateway/telemetry', '{"a":[{"ts":1,"values":{"v":1}}]}');
    await gate.publish('v1/devices/me/telemetry', '{"v":1}');
    await gate.publish('v1/devices/me/attributes', '{"v":1}');
    const post = `/sys/${ENOS.productKey}/thing/thing/measurepoint/post`;
    await publishAndRead(thing, post, { id: '1', params: { measurepoints: { power: 1 } } });

    const ask = (query: string) =>
      api<Answer>(broker, `${MESSAGES}?metric=up,connections,sub-devices,telemetry,attributes&${query}`);
    const wanted = {
      up: 3,
      'telemetry.processed': 2,
      'attributes.processed': 1,
      'connections.accepted': 1,
      'sub-devices.accepted': 3,
    };
    await expect.poll(async () => (await ask('profile=native')).sum, { timeout: 20_000 }).toMatchObject(wanted);
    expect(await ask('profile=native')).toMatchObject({ active: 1, subDevices: 3 });
    const theirs = {
      up: 1,
      'telemetry.processed': 1,
      'attributes.processed': 0,
      'connections.accepted': 1,
      'sub-devices.accepted': 0,
    };
    for (const query of ['org=o-demo', 'profile=rod', 'profile=rod,native&org=o-demo,o-other']) {
      expect([query, await ask(query)]).toMatchObject([query, { active: 1, subDevices: 0, sum: theirs }]);
    }
    expect(await ask('')).toMatchObject({ active: 2, subDevices: 3, sum: { up: 4, 'connections.accepted': 2 } });
    for (const query of ['org=o-other', 'profile=native&org=o-demo', 'org=__proto__'])
      expect((await ask(query)).sum.up).toBe(0);
    expect(await metric(broker, 'gridmoor_connects_total')).toBe(2);
    expect(await metric(broker, 'gridmoor_sub_device_sessions')).toBe(3);
    const devices = (query: string) => api(broker, `/api/gridmoor/statistics/devices?${query}`);
    await expect.poll(() => devices('org=o-demo'), { timeout: 20_000 }).toMatchObject({ total: 1, online: 1 });
    expect(await devices('profile=native&org=o-demo')).toMatchObject({ total: 0 });
  });
});
