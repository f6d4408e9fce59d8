import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { startBroker } from '../../helpers/broker.ts';
import { tempFolder } from '../../helpers/chain-kit.ts';
import { api, newDevice } from '../../helpers/system.ts';

/** A third-party system that drops every connection until it is up, and then takes each event. */
async function startTarget() {
  const taken: string[] = [];
  const found = { down: true, dropped: 0 };
  const server = createServer(async (request: IncomingMessage, response) => {
    if (found.down) {
      found.dropped++;
      request.socket.destroy();
      return;
    }
    taken.push(await text(request));
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    taken,
    found,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const chainOf = (url: string, attempts: number) => ({
  name: 'main',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': { kind: 'filter/msg-type-switch', to: { 'Post telemetry': 'save' } },
    save: { kind: 'action/save-telemetry', to: { Success: 'keep' } },
    keep: { kind: 'flow/checkpoint', to: { Success: 'forward' } },
    forward: {
      kind: 'external/http',
      retry: { attempts, backoffMs: 100 },
      config: { restEndpointUrlPattern: url },
    },
  },
});

async function startWith(target: { readonly url: string }, attempts: number) {
  const folder = await tempFolder({ 'main.json': JSON.stringify(chainOf(target.url, attempts)) });
  const broker = await startBroker({ chainsDir: folder.path, env: { GRIDMOOR_ALLOWED_HOSTS: '127.0.0.1' } });
  const token = await newDevice(broker, 'm1');
  return {
    send: (body: string) => fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body }),
    letters: async () =>
      (await api<{ data: { node: string; id: string }[] }>(broker, '/api/gridmoor/dead-letters?pageSize=10')).data,
    retry: (id: string) => api(broker, `/api/gridmoor/dead-letters/${id}/retry`, { method: 'POST', body: {} }),
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it('asset 11: an event is forwarded once, with retry when the target is down; the device does not wait for it', async () => {
  await using target = await startTarget();
  await using system = await startWith(target, 10);
  expect((await system.send('{"temperature":21.5}')).status).toBe(200);
  await expect.poll(() => target.found.dropped, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(target.taken).toEqual([]);
  target.found.down = false;
  await expect.poll(() => target.taken, { timeout: 20_000 }).toEqual(['{"temperature":21.5}']);
  expect((await system.send('{"temperature":22}')).status).toBe(200);
  await expect.poll(() => target.taken, { timeout: 20_000 }).toEqual(['{"temperature":21.5}', '{"temperature":22}']);
  expect(await system.letters()).toEqual([]);
});

it('asset 11: what a target did not take in its attempts waits, and is forwarded once when an operator says so', async () => {
  await using target = await startTarget();
  await using system = await startWith(target, 2);
  expect((await system.send('{"temperature":21.5}')).status).toBe(200);
  await expect
    .poll(async () => (await system.letters()).map(({ node }) => node), { timeout: 20_000 })
    .toEqual(['forward']);
  target.found.down = false;
  const [letter] = await system.letters();
  await system.retry(letter?.id ?? '');
  await expect.poll(() => target.taken, { timeout: 20_000 }).toEqual(['{"temperature":21.5}']);
  await expect.poll(system.letters, { timeout: 20_000 }).toEqual([]);
});
