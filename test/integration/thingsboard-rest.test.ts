import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api } from '../helpers/system.ts';

const PASSWORD = 'a long enough password';

interface Pair {
  readonly token: string;
  readonly refreshToken: string;
}

/** What a REST client of ThingsBoard does, on the wire: log in, create a device, read its telemetry, watch it. */
describe("a client of ThingsBoard's REST API", () => {
  it('logs in, creates a device, reads and watches what it sends, renews its token, and is logged out by a deletion', async () => {
    await using broker = await startBroker();
    const user = await api<{ id: string }>(broker, '/api/gridmoor/users', {
      method: 'POST',
      body: { name: 'admin@example.com', role: 'administrator', password: PASSWORD },
    });
    const call = async (token: string, method: string, path: string, body?: unknown) => {
      const response = await fetch(`${broker.url}${path}`, {
        method,
        headers: { 'x-authorization': `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
    };
    const credentials = { username: 'admin@example.com', password: PASSWORD };
    const first: Pair = (await call('', 'POST', '/api/auth/login', credentials)).json;

    const { json: device } = await call(first.token, 'POST', '/api/device?accessToken=rest-token-1', {
      name: 'rest-1',
      type: 'smart-meter',
      label: null,
    });
    const url = `/api/plugins/telemetry/DEVICE/${device.id.id}`;

    const socket = new WebSocket(`${broker.url.replace('http', 'ws')}/api/ws`);
    await once(socket, 'open');
    const updates: { data: Record<string, [number, string][]> }[] = [];
    socket.on('message', (data) => updates.push(JSON.parse(String(data))));
    const cmd = {
      entityType: 'DEVICE',
      entityId: device.id.id,
      scope: 'LATEST_TELEMETRY',
      cmdId: 1,
      type: 'TIMESERIES',
    };
    socket.send(JSON.stringify({ authCmd: { cmdId: 0, token: first.token }, cmds: [cmd] }));
    await expect.poll(() => updates.length).toBe(1);

    await using meter = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'rest-token-1' });
    for (const [i, energy] of [10, 20, 60].entries()) {
      const sample = { ts: 1_700_000_000_000 + i * 1_000, values: { energy } };
      await meter.publish('v1/devices/me/telemetry', JSON.stringify(sample));
    }
    await expect.poll(() => updates.length).toBe(4);
    expect(updates.slice(1).map(({ data }) => data.energy?.[0]?.[1])).toEqual(['10', '20', '60']);
    expect((await call(first.token, 'GET', `${url}/values/timeseries`)).json.energy[0].value).toBe('60');
    const range = 'keys=energy&startTs=1700000000000&endTs=1700000003000';
    const average = await call(first.token, 'GET', `${url}/values/timeseries?${range}&agg=AVG&interval=3000`);
    expect(average.json).toEqual({ energy: [{ ts: 1_700_000_001_500, value: '30' }] });

    await broker.restart();
    const next: Pair = (await call('', 'POST', '/api/auth/token', { refreshToken: first.refreshToken })).json;
    expect((await call(next.token, 'GET', '/api/auth/user')).json.email).toBe('admin@example.com');
    expect((await call(next.token, 'DELETE', `/api/gridmoor/users/${user.id}`)).status).toBe(204);
    expect((await call(next.token, 'GET', '/api/auth/user')).status).toBe(401);
    socket.terminate();
  });
});
