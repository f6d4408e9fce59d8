import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId } from '../../helpers/system.ts';
import {
  addDevice,
  codeOf,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  openThing,
  startDialects,
} from './kit.ts';

const LIFE = '/api/gridmoor/devices';

describe('life-cycle', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  const post = (name: string, verb: string, body?: unknown) =>
    api<{ id: string; state: string; credentials?: { token: string } }>(
      broker,
      `${LIFE}/${encodeURIComponent(name)}/${verb}`,
      { method: 'POST', body },
    );
  const token = (userName: string) => MqttClient.open({ port: broker.ports.mqtt, userName });
  const addNative = (name: string, gateway = false) =>
    api(broker, `/api/device?accessToken=token-of-${name}`, {
      method: 'POST',
      body: { name, type: 'meter', additionalInfo: { gateway } },
    });

  beforeAll(async () => {
    dialects = await startDialects([enosProfile('rod'), { name: 'meter' }]);
    broker = dialects.broker;
    await addDevice(broker, 'rod', ENOS.deviceKey, ENOS.deviceSecret);
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('case 37: a disabled device is cut off within a second and denied; enabled, the same secret works', async () => {
    const names = enosNames({ deviceKey: ENOS.deviceKey, secret: ENOS.deviceSecret });
    await using thing = await openThing(broker, names);
    expect(await thing.connack()).toBe(0);
    expect((await post(ENOS.deviceKey, 'disable')).state).toBe('disabled');
    await thing.ended(1_000);
    expect(await codeOf(broker, names)).toBe(5);
    expect((await post(ENOS.deviceKey, 'enable')).state).toBe('active');
    expect(await codeOf(broker, names)).toBe(0);
  });

  it('case 37: the sessions of its children end with a gateway, and a disabled child is refused alone', async () => {
    await addNative('hub', true);
    await using hub = await token('token-of-hub');
    expect(await hub.connack()).toBe(0);
    const child = async (value: number) => {
      await hub.publish('v1/gateway/telemetry', JSON.stringify({ leaf: [{ ts: value, values: { v: value } }] }));
      await hub.publish('v1/gateway/telemetry', JSON.stringify({ leaf2: [{ ts: value, values: { v: value } }] }));
    };
    const stored = async (name: string) => {
      const id = await deviceId(broker, name);
      const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?keys=v`;
      return (await api<{ v?: { value: string }[] }>(broker, path)).v?.[0]?.value;
    };
    await child(1);
    await post('leaf', 'disable');
    await child(2);
    expect(await stored('leaf2')).toBe('2');
    expect(await stored('leaf')).toBe('1');
    await post('leaf', 'enable');
    await child(3);
    expect(await stored('leaf')).toBe('3');
    await post('hub', 'disable');
    await hub.ended(1_000);
    const online = await api<{ sessions?: number; connected: number }>(broker, '/api/gridmoor/status');
    expect(online.connected).toBe(0);
    await using denied = await token('token-of-hub');
    expect(await denied.connack()).toBe(5);
    const http = await fetch(`${broker.url}/api/v1/token-of-hub/attributes`);
    expect(http.status).toBe(401);
  });
});
