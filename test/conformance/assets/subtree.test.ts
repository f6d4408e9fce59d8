import { EventEmitter, once } from 'node:events';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../../helpers/system.ts';

const TREES = '/api/gridmoor/trees';

/** Status of a call with this key. */
async function as(broker: Broker, key: string, method: string, path: string, body?: unknown): Promise<number> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { authorization: `Bearer ${key}`, ...json };
  const payload = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${broker.url}${path}`, { method, headers, ...payload });
  await answer.arrayBuffer();
  return answer.status;
}

it('asset 4: a key of a part of a tree reads, hears and calls what stands there; a move in or out holds at once', async () => {
  await using broker = await startBroker();
  const post = (path: string, body: unknown) => api<{ secretKey: string }>(broker, path, { method: 'POST', body });
  const move = (entity: string, parent: string) =>
    api(broker, `${TREES}/grid/nodes/${encodeURIComponent(entity)}`, { method: 'PUT', body: { parent } });
  const token = await newDevice(broker, 'meter');
  const id = await deviceId(broker, 'meter');
  await post(TREES, { name: 'grid' });
  for (const name of ['north', 'south', 'street']) await post('/api/asset', { name, type: 'area' });
  for (const area of ['north', 'south']) await post(`${TREES}/grid/nodes`, { entity: `ASSET:area/${area}` });
  await post(`${TREES}/grid/nodes`, { entity: 'ASSET:area/street', parent: 'ASSET:area/south' });
  await post(`${TREES}/grid/nodes`, { entity: 'DEVICE:meter', parent: 'ASSET:area/street' });
  const body = { name: 'north', role: 'operator', subtree: 'grid/ASSET:area/north' };
  const { secretKey: key } = await post('/api/gridmoor/api-keys', body);

  await using meter = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
  await meter.subscribe('v1/devices/me/rpc/request/+');
  const call = () => as(broker, key, 'POST', `/api/rpc/oneway/${id}`, { method: 'blink' });
  const values = () => as(broker, key, 'GET', `/api/plugins/telemetry/DEVICE/${id}/values/timeseries`);
  expect([await values(), await call()]).toEqual([404, 404]);

  // The street goes north, and the meter on it.
  await move('ASSET:area/street', 'ASSET:area/north');
  expect([await values(), await call()]).toEqual([200, 200]);
  expect(await meter.message()).toMatch(/blink/);

  const socket = new WebSocket(`${broker.url.replace('http', 'ws')}/api/ws`);
  await once(socket, 'open');
  const heard = new EventEmitter();
  socket.on('message', (text) => {
    const { errorCode, data } = JSON.parse(String(text)) as {
      errorCode: number;
      data: Record<string, [[number, string]]>;
    };
    heard.emit(errorCode === 0 ? `power ${data.power?.[0][1]}` : 'refused', data);
  });
  const cmd = { entityType: 'DEVICE', entityId: id, cmdId: 1, type: 'TIMESERIES' };
  const subscribed = once(socket, 'message');
  socket.send(JSON.stringify({ authCmd: { cmdId: 0, token: key }, cmds: [cmd] }));
  await subscribed;
  const news = once(heard, 'power 1');
  await meter.publish('v1/devices/me/telemetry', '{"power":1}');
  await news;

  await move('ASSET:area/street', 'ASSET:area/south');
  const refused = once(heard, 'refused');
  await meter.publish('v1/devices/me/telemetry', '{"power":2}');
  expect(await refused).toEqual([{}]);
  expect([await values(), await call()]).toEqual([404, 404]);
  expect(await as(broker, key, 'GET', '/api/gridmoor/api-keys')).toBe(403);
  socket.terminate();

  const login = { port: broker.ports.mqtt, userName: 'apikey', password: key };
  await using app = await MqttClient.connect(login);
  expect(await app.subscribe('app/#')).toEqual([128]);
});
