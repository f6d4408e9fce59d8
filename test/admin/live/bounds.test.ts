import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { registerLive } from '../../../src/admin/live/socket.ts';
import { createMetrics } from '../../../src/observe/index.ts';
import { ADMIN_KEY, type Harness, startHarness } from '../harness.ts';

let harness: Harness;
/** Takes two connections and looks at them every 50 ms. */
const small = Fastify();
let smallPort: number;
let port: number;
beforeAll(async () => {
  harness = await startHarness({ free: 1_000, baseMs: 1, maxMs: 1 });
  port = (await harness.front.listen()).port;
  const deps = { ...harness.deps, metrics: createMetrics({ processMetrics: false }) };
  registerLive(small, deps, { maxConnections: 2, checkMs: 50 });
  await small.listen({ host: '127.0.0.1', port: 0 });
  smallPort = (small.server.address() as AddressInfo).port;
});
afterAll(async () => {
  await small.close();
  await harness[Symbol.asyncDispose]();
});

async function subscribed(at: number, deviceId: string, token = ADMIN_KEY): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${at}/api/ws`);
  await once(socket, 'open');
  const cmd = { entityType: 'DEVICE', entityId: deviceId, cmdId: 1, type: 'TIMESERIES' };
  socket.send(JSON.stringify({ authCmd: { cmdId: 0, token }, cmds: [cmd] }));
  await once(socket, 'message');
  return socket;
}

it('a reader that does not read is cut, its subscriptions are gone, and others go on', async () => {
  const device = await harness.device('slow');
  const slow = await subscribed(port, device.id);
  const quick = await subscribed(port, device.id);
  let updates = 0;
  quick.on('message', () => updates++);
  slow.pause();
  const text = 'x'.repeat(200_000);
  const open = async () => Number(/api_websockets (\d+)/.exec((await harness.inject({ url: '/metrics' })).body)?.[1]);
  expect(await open()).toBe(2);
  let sent = 0;
  while ((await open()) === 2 && sent < 500) {
    await harness.core.storage.telemetry.save({ entityId: device.id, ts: ++sent, values: { text } });
  }
  expect(await open()).toBe(1);
  await expect.poll(() => updates).toBe(sent);
  quick.close();
  await once(quick, 'close');
  await expect.poll(() => harness.core.changes.isWatched(device.id)).toBe(false);
  slow.terminate();
});

it('a connection ends soon after its key is revoked', async () => {
  const device = await harness.device('revoked');
  const key = (await harness.api('POST', '/api/gridmoor/api-keys', { name: 'live', role: 'read-only' })).json();
  const [socket, other] = [
    await subscribed(smallPort, device.id, key.secretKey),
    await subscribed(smallPort, device.id),
  ];
  const closed = once(socket, 'close');
  await harness.api('DELETE', `/api/gridmoor/api-keys/${key.id}`);
  expect((await closed)[0]).toBe(1008);
  expect(other.readyState).toBe(WebSocket.OPEN);
  other.terminate();
  await once(other, 'close');
});

it('connections beyond the limit are refused with 503', async () => {
  const device = await harness.device('many');
  const all = [await subscribed(smallPort, device.id), await subscribed(smallPort, device.id)];
  const third = new WebSocket(`ws://127.0.0.1:${smallPort}/api/ws`);
  const [error] = (await once(third, 'error')) as [Error];
  expect(error.message).toContain('503');
  for (const socket of all) {
    socket.terminate();
    await once(socket, 'close');
  }
  await expect.poll(() => harness.core.changes.isWatched(device.id)).toBe(false);
});

it('a connection that does not answer pings is cut', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${smallPort}/api/ws`, { autoPong: false });
  const closed = once(socket, 'close');
  await once(socket, 'open');
  expect((await closed)[0]).toBe(1006);
});
