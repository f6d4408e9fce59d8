import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../../helpers/system.ts';

const ROLES = ['installer', 'developer', 'asset-manager', 'app'] as const;

describe('roles of kinds of work', () => {
  let broker: Broker;
  const keys: Record<string, string> = {};
  const as = async (role: string, method: string, path: string, body?: unknown): Promise<number> => {
    const answer = await fetch(`${broker.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${keys[role]}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  const values = async (): Promise<string> =>
    `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'meter')}/values/timeseries`;
  const device = (name: string) => ({ name, profile: 'smart-meter' });

  beforeAll(async () => {
    broker = await startBroker();
    await newDevice(broker, 'meter');
    for (const role of ROLES) {
      const body = { name: role, role, ...(role === 'app' ? { calls: ['smart-meter'] } : {}) };
      const path = '/api/gridmoor/api-keys';
      keys[role] = (await api<{ secretKey: string }>(broker, path, { method: 'POST', body })).secretKey;
    }
    const body = { name: 'no calls', role: 'app' };
    const made = await api<{ secretKey: string }>(broker, '/api/gridmoor/api-keys', { method: 'POST', body });
    keys['app without grant'] = made.secretKey;
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it('asset 12: an installer registers devices and sees their state, and reads no values', async () => {
    expect(await as('installer', 'POST', '/api/gridmoor/devices', device('from-installer'))).toBe(201);
    expect(await as('installer', 'GET', '/api/gridmoor/devices/meter/state')).toBe(200);
    expect(await as('installer', 'GET', await values())).toBe(403);
    expect(await as('installer', 'POST', '/api/gridmoor/devices/meter/disable')).toBe(403);
  });

  it('asset 12: a developer reads models and values and makes devices to test, and deletes none', async () => {
    expect(await as('developer', 'GET', '/api/deviceProfiles?pageSize=10&page=0')).toBe(200);
    expect(await as('developer', 'GET', await values())).toBe(200);
    expect(await as('developer', 'POST', '/api/gridmoor/devices', device('from-developer'))).toBe(201);
    expect(await as('developer', 'DELETE', `/api/device/${await deviceId(broker, 'meter')}`)).toBe(403);
    expect(await as('developer', 'POST', '/api/gridmoor/trees', { name: 'dev' })).toBe(403);
  });

  it('asset 12: an asset manager has trees, firmware and the life-cycle, and no devices to make', async () => {
    expect(await as('asset-manager', 'POST', '/api/gridmoor/trees', { name: 'grid' })).toBe(201);
    expect(await as('asset-manager', 'GET', '/api/otaPackages?pageSize=10&page=0')).toBe(200);
    expect(await as('asset-manager', 'POST', '/api/gridmoor/devices/meter/disable')).toBe(200);
    expect(await as('asset-manager', 'POST', '/api/gridmoor/devices/meter/enable')).toBe(200);
    expect(await as('asset-manager', 'POST', '/api/gridmoor/devices', device('no'))).toBe(403);
    expect(await as('asset-manager', 'GET', '/api/gridmoor/api-keys')).toBe(403);
  });

  it('asset 12: an app reads values and calls devices of profiles it was granted', async () => {
    const userName = 'token-of-meter-0123456789';
    await using meter = await MqttClient.connect({ port: broker.ports.mqtt, userName });
    await meter.subscribe('v1/devices/me/rpc/request/+');
    const call = `/api/rpc/oneway/${await deviceId(broker, 'meter')}`;
    expect(await as('app', 'GET', await values())).toBe(200);
    expect(await as('app', 'POST', call, { method: 'blink' })).toBe(200);
    expect(await meter.message()).toMatch(/blink/);
    expect(await as('app without grant', 'POST', call, { method: 'blink' })).toBe(403);
    expect(await as('app', 'POST', '/api/gridmoor/devices', device('no'))).toBe(403);
  });

  it('asset 12: who reads no values hears none live, and keys of other roles get no grants', async () => {
    const refusedWith = async (role: string): Promise<number> => {
      const url = `${broker.url.replace('http', 'ws')}/api/ws/plugins/telemetry`;
      const socket = new WebSocket(url, { headers: { authorization: `Bearer ${keys[role]}` } });
      const code = new Promise<number>((resolve) => socket.once('close', resolve));
      return code;
    };
    expect(await refusedWith('installer')).toBe(1008);
    const body = { name: 'x', role: 'operator', calls: ['smart-meter'] };
    await expect(api(broker, '/api/gridmoor/api-keys', { method: 'POST', body })).rejects.toThrow('400');
  });
});
