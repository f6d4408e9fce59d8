import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, newDevice } from '../../helpers/system.ts';

const MESSAGES = '/api/gridmoor/statistics/messages';

interface Answer {
  readonly active: number;
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
});
