// Redis for a benchmark, one server or a Cluster of three masters, and what it says of itself.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { cpuSeconds } from './proc.js';

const HOST = '127.0.0.1';
const MASTERS = 3;
const SLOTS = 16_384;
/** How long the nodes of a Cluster have to find each other, ms. */
const MEET_MS = 30_000;

/**
 * @param {{ flushed?: 'no' | 'everysec' | 'always', clustered?: boolean }} how Flushed: append-only unless `no`.
 */
export async function startRedis({ flushed = 'no', clustered = false } = {}) {
  const nodes = [];
  for (let i = 0; i < (clustered ? MASTERS : 1); i++) nodes.push(await startNode(flushed, clustered));
  if (clustered) await meet(nodes);
  const address = ({ port }) => ({ host: HOST, port });
  return {
    target: clustered ? { kind: 'cluster', nodes: nodes.map(address) } : { kind: 'standalone', ...address(nodes[0]) },
    /** For a broker. */
    settings: clustered
      ? { REDIS_NODES: nodes.map(({ port }) => `${HOST}:${port}`).join(',') }
      : { REDIS_URL: `redis://${HOST}:${nodes[0].port}` },
    /** A client of each server. */
    clients: nodes.map(({ client }) => client),
    numbers: () => numbersOf(nodes),
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function startNode(flushed, clustered) {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  const port = await freePort(clustered);
  const durability = flushed === 'no' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', flushed];
  const cluster = clustered ? ['--cluster-enabled', 'yes'] : [];
  const args = ['--port', String(port), '--bind', HOST, '--dir', dir, '--save', '', ...durability, ...cluster];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.on('data', (data) => String(data).includes('Ready to accept') && resolve());
  });
  const client = new Redis(port, HOST);
  return {
    port,
    pid: child.pid,
    client,
    async stop() {
      client.disconnect();
      const gone = new Promise((resolve) => child.once('exit', resolve));
      end();
      await gone;
      process.off('exit', end);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Makes one Cluster of three servers. */
async function meet(nodes) {
  for (const [i, { client }] of nodes.entries()) {
    const first = Math.ceil((i * SLOTS) / MASTERS);
    await client.call('cluster', 'addslotsrange', first, Math.ceil(((i + 1) * SLOTS) / MASTERS) - 1);
    if (i > 0) await client.call('cluster', 'meet', HOST, nodes[0].port);
  }
  const end = performance.now() + MEET_MS;
  for (const { client } of nodes) {
    for (;;) {
      const info = String(await client.call('cluster', 'info'));
      if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS}`)) break;
      if (performance.now() > end) throw new Error('The nodes did not become a Cluster in time.');
      await delay(50);
    }
  }
}

/** @param {boolean} bus whether the port ten thousand above is taken too, as by the bus of a Cluster. */
async function freePort(bus) {
  for (;;) {
    const port = await listenOn(0);
    if (port === undefined || (bus && port > 55_000)) continue;
    if (!bus || (await listenOn(port + 10_000)) !== undefined) return port;
  }
}

function listenOn(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const { port: bound } = server.address();
      server.close(() => resolve(bound));
    });
  });
}

/** CPU seconds so far; commands (those within scripts too), bytes and memory as the servers count them; calls of each command. */
async function numbersOf(nodes) {
  const numbers = { cpuSeconds: 0, commands: 0, bytesIn: 0, bytesOut: 0, memory: 0, calls: {} };
  for (const { client, pid } of nodes) {
    const { user, system } = cpuSeconds(pid);
    numbers.cpuSeconds += user + system;
    const info = `${await client.info()}${await client.info('commandstats')}`;
    const number = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
    numbers.commands += number('total_commands_processed');
    numbers.bytesIn += number('total_net_input_bytes');
    numbers.bytesOut += number('total_net_output_bytes');
    numbers.memory += number('used_memory');
    for (const [, name, calls] of info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)) {
      numbers.calls[name] = (numbers.calls[name] ?? 0) + Number(calls);
    }
  }
  return numbers;
}
