import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, newDevice, provision } from '../../helpers/system.ts';

const NAMES = '/api/gridmoor/devices';

describe('life-cycle of devices', () => {
  let broker: Broker;
  const post = (name: string, verb: string, body?: unknown) =>
    api<{ id: string; state: string; credentials: { token: string } }>(broker, `${NAMES}/${name}/${verb}`, {
      method: 'POST',
      body,
    });
  const connack = async (userName: string): Promise<number> => {
    await using client = await MqttClient.open({ port: broker.ports.mqtt, userName });
    return await client.connack();
  };
  const report = async (token: string, v: number): Promise<void> => {
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    await client.publish('v1/devices/me/telemetry', JSON.stringify({ ts: v, values: { v } }));
  };
  const history = async (id: string): Promise<readonly string[]> => {
    const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=v&startTs=0&endTs=100&limit=10`;
    const { v } = await api<{ v: { value: string }[] }>(broker, path);
    return v.map(({ value }) => value);
  };
  const transitions = async (id: string): Promise<readonly string[]> => {
    const { data } = await api<{
      data: { at: number; action: string; by: string; subject: string; outcome: string }[];
    }>(broker, '/api/gridmoor/audit?pageSize=500');
    const own = data.filter(({ subject }) => subject === `device:${id}`);
    expect(own.every(({ at, by }) => at > 0 && by !== '')).toBe(true);
    return own.map(({ action, outcome }) => `${action}: ${outcome}`).reverse();
  };

  beforeAll(async () => {
    broker = await startBroker({ env: { GRIDMOOR_FREE_REFUSALS: '1000000' } });
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it('asset 8: a retired device is refused, its name is refused until it is lifted, and its history stays', async () => {
    const token = await newDevice(broker, 'old');
    await report(token, 1);
    const id = await deviceId(broker, 'old');
    await using session = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    expect((await post('old', 'retire')).state).toBe('retired');
    await session.ended(1_000);
    expect(await connack(token)).toBe(5);
    expect(await provision(broker, { deviceName: 'old' })).toMatchObject({ status: 'FAILURE' });
    expect(await history(id)).toEqual(['1']);
    await expect(post('old', 'enable')).rejects.toThrow('DEVICE_STATE');

    await api(broker, '/api/gridmoor/tombstones/old', { method: 'DELETE' });
    expect(await connack(await newDevice(broker, 'old', 'a second token of old'))).toBe(0);
    expect(await connack(token)).toBe(5);
    expect(await history(id)).toEqual(['1']);
    expect(await deviceId(broker, 'old')).not.toBe(id);
  });

  it('asset 8: the tombstone of a retired device outlives its deletion', async () => {
    const token = await newDevice(broker, 'gone');
    const id = await deviceId(broker, 'gone');
    await post('gone', 'retire');
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    expect(await connack(token)).toBe(5);
    expect(await provision(broker, { deviceName: 'gone' })).toMatchObject({ status: 'FAILURE' });
    const { data } = await api<{ data: { name: string }[] }>(broker, '/api/gridmoor/tombstones');
    expect(data).toContainEqual(expect.objectContaining({ name: 'gone', deviceId: id, why: 'retired' }));
    await api(broker, '/api/gridmoor/tombstones/gone', { method: 'DELETE' });
    await newDevice(broker, 'gone');
    await expect(api(broker, '/api/gridmoor/tombstones/gone', { method: 'DELETE' })).rejects.toThrow('404');
  });

  it('asset 8: a retired device is kept as long as its profile says, then deleted; its tombstone stays', async () => {
    const profilesDir = await mkdtemp(join(tmpdir(), 'gridmoor-retired-'));
    const profile = { name: 'short', provision: { strategy: 'disabled' }, keepRetired: '8s' };
    await writeFile(join(profilesDir, 'short.json'), JSON.stringify(profile));
    await using short = await startBroker({ profilesDir });
    const ask = <T>(path: string, method = 'GET', body?: unknown) => api<T>(short, path, { method, body });
    const credentials = { type: 'ACCESS_TOKEN', token: 'token-of-a-short-life-0123' };
    const made = { name: 'old', profile: 'short', credentials };
    const { id } = await ask<{ id: string }>(NAMES, 'POST', made);
    const values = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries`;
    await ask(`/api/plugins/telemetry/DEVICE/${id}/timeseries/any`, 'POST', { v: 1 });
    await ask(`${NAMES}/old/retire`, 'POST');
    expect(await ask(values)).toMatchObject({ v: [{ value: '1' }] });
    await expect.poll(() => ask(values).catch(String), { timeout: 40_000, interval: 500 }).toMatch('DEVICE_NOT_FOUND');
    const { data } = await ask<{ data: object[] }>('/api/gridmoor/tombstones');
    expect(data).toMatchObject([{ name: 'old', deviceId: id, why: 'retired', by: 'retention' }]);
    await expect(ask(NAMES, 'POST', made)).rejects.toThrow('NAME_TAKEN');
    await rm(profilesDir, { recursive: true });
  });

  it('asset 8: a replaced device keeps its id and history under a new serial; the old secret is refused', async () => {
    const token = await newDevice(broker, 'unit-1');
    await report(token, 1);
    const id = await deviceId(broker, 'unit-1');
    await using session = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    const replaced = await post('unit-1', 'replace', { name: 'unit-2' });
    await session.ended(1_000);
    expect(replaced).toMatchObject({ id, name: 'unit-2', state: 'active' });
    expect(await connack(token)).toBe(5);
    await report(replaced.credentials.token, 2);
    expect(await history(id)).toEqual(['2', '1']);
    expect(await provision(broker, { deviceName: 'unit-1' })).toMatchObject({ status: 'FAILURE' });
    await newDevice(broker, 'unit-3');
    await expect(post('unit-3', 'replace', { name: 'unit-2' })).rejects.toThrow('NAME_TAKEN');
    await expect(post('unit-3', 'replace', { name: 'unit-1' })).rejects.toThrow('NAME_TAKEN');
    expect(await connack('token-of-unit-3-0123456789')).toBe(0);
  });

  it('asset 16: the audit has every transition with actor and time', async () => {
    await newDevice(broker, 'whole-life');
    const id = await deviceId(broker, 'whole-life');
    for (const verb of ['disable', 'disable', 'enable', 'enable', 'disable', 'retire', 'retire'])
      await post('whole-life', verb);
    await api(broker, '/api/gridmoor/tombstones/whole-life', { method: 'DELETE' });
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    expect(await transitions(id)).toEqual([
      'device.create: created',
      'device.disable: disabled',
      'device.enable: active',
      'device.disable: disabled',
      'device.retire: retired',
      'device.rename: retired',
      'device.lift: lifted',
      'device.delete: deleted',
    ]);
  });
});
