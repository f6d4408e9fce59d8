import { spawnSync } from 'node:child_process';
import { freePort, startServer } from './process.js';

/** As printed. */
export const REDIS_SETTINGS = 'a redis-server of its own on this machine, append-only, flushed every second';

/** @returns {{ version: string, missing?: undefined } | { version?: undefined, missing: string }} */
export function probeRedis() {
  const { error, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (error) return { missing: 'redis-server is not installed: apt-get install --no-install-recommends redis-server' };
  return { version: /v=(\S+)/.exec(stdout)?.[1] ?? 'unknown' };
}

/**
 * Redis for one target, its data in the directory.
 * @param {string} directory
 */
export async function startRedis(directory) {
  const port = await freePort();
  const options = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'yes' };
  const server = await startServer({
    command: 'redis-server',
    args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    readyFrom: (line) => (line.includes('Ready to accept connections') ? true : undefined),
  });
  return { ...server, port };
}
