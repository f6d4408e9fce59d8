import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BROKER_KINDS } from './kinds.js';
import { accepting, freePort, startServer } from './process.js';

const PLACES = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'];

/** `user` keeps a mosquitto that root starts from dropping to an account that cannot read its file. */
const CONFIG = `allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 0
max_connections -1
set_tcp_nodelay true
connection_messages false
log_dest stderr
log_type error
log_type information
user root
`;

const command = () => PLACES.find((place) => existsSync(place));

/** @type {import('./index.js').Target} */
export const mosquitto = {
  name: 'mosquitto',
  settings: 'allow_anonymous true, persistence false, max_inflight_messages 0, set_tcp_nodelay true',
  kinds: BROKER_KINDS,
  probe,
  start,
};

/** @returns {{ version: string, missing?: undefined } | { version?: undefined, missing: string }} */
export function probe() {
  const binary = command();
  if (!binary) return { missing: 'not installed: apt-get install --no-install-recommends mosquitto' };
  const help = spawnSync(binary, ['-h'], { encoding: 'utf8' });
  return { version: /mosquitto version (\S+)/.exec(help.stdout)?.[1] ?? 'unknown' };
}

/** @param {string} directory */
export async function start(directory) {
  const port = await freePort();
  const file = join(directory, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\n${CONFIG}`);
  const server = await startServer({
    command: command() ?? 'mosquitto',
    args: ['-c', file],
    readyFrom: (line) => (/mosquitto version \S+ running/.test(line) ? true : undefined),
  });
  await accepting(port);
  return { ...server, address: { host: '127.0.0.1', port } };
}
