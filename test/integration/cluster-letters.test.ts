import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Broker } from '../helpers/broker.ts';
import { startBrokers } from '../helpers/brokers.ts';
import { provisionDevices } from '../helpers/provision.ts';

const LETTERS = '/api/gridmoor/dead-letters';
const READINGS = 40;
let chainsDir: string;
let sink: Server;
let sinkWorks = false;
/** Bodies of the calls that the sink has taken. */
const taken: string[] = [];

beforeAll(async () => {
  sink = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      if (sinkWorks) taken.push(body);
      // Slow, so that two who retry meet.
      setTimeout(() => response.writeHead(sinkWorks ? 200 : 503).end('{}'), 50);
    });
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const { port } = sink.address() as AddressInfo;
  chainsDir = await mkdtemp(join(tmpdir(), 'gridmoor-letters-'));
  const chain = {
    name: 'root',
    root: true,
    first: 'readings',
    nodes: {
      readings: {
        kind: 'filter/msg-type',
        config: { messageTypes: ['POST_TELEMETRY_REQUEST'] },
        to: { True: 'send', False: [] },
      },
      send: { kind: 'external/http', config: { restEndpointUrlPattern: `http://127.0.0.1:${port}/` } },
    },
  };
  await writeFile(join(chainsDir, 'root.json'), JSON.stringify(chain));
});
afterAll(async () => {
  sink.close();
  await rm(chainsDir, { recursive: true, force: true });
});

async function retryAll({ url, adminKey }: Broker): Promise<{ processed: number }> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(`${url}${LETTERS}/retry`, { method: 'POST', headers });
  return (await answer.json()) as { processed: number };
}

it('dead letters that are retried at two brokers at the same moment run once each', async () => {
  await using brokers = await startBrokers(2, { chainsDir, env: { GRIDMOOR_ALLOWED_HOSTS: '127.0.0.1' } });
  const [a, b] = brokers.all as readonly [Broker, Broker];
  const [token] = await provisionDevices({ port: a.ports.mqtt, provisionSecret: a.provisionSecret }, ['m1']);
  for (let n = 0; n < READINGS; n++) {
    await fetch(`${a.url}/api/v1/${token}/telemetry`, { method: 'POST', body: JSON.stringify({ n }) });
  }
  sinkWorks = true;
  const [one, other] = await Promise.all([retryAll(a), retryAll(b)]);
  expect(one.processed + other.processed).toBe(READINGS);
  expect(taken.length).toBe(READINGS);
  expect(new Set(taken).size).toBe(READINGS);
});
