// A redis-server of its own for a benchmark, and what it says of itself.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds } from './proc.js';

/** @param {{ durable?: boolean }} how Append-only, flushed always. */
export async function startRedis({ durable = false } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  const port = await freePort();
  const durability = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...durability];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.on('data', (data) => String(data).includes('Ready to accept') && resolve());
  });
  return {
    port,
    pid: child.pid,
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Commands, bytes and memory as the server counts them. */
export async function numbersOf(client) {
  const info = await client.info();
  const number = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  return {
    commands: number('total_commands_processed'),
    bytesIn: number('total_net_input_bytes'),
    bytesOut: number('total_net_output_bytes'),
    memory: number('used_memory'),
  };
}

/** CPU seconds of a process so far. */
export const cpuOf = (pid) => {
  const { user, system } = cpuSeconds(pid);
  return user + system;
};
