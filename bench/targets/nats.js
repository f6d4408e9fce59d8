import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BROKER_KINDS } from './kinds.js';
import { accepting, freePort, startServer } from './process.js';

/** @type {import('./index.js').Target} */
export const nats = {
  name: 'nats',
  settings: 'MQTT with JetStream in a temporary directory, file store, no authentication',
  kinds: BROKER_KINDS,
  probe() {
    const { error, stdout, stderr } = spawnSync('nats-server', ['--version'], { encoding: 'utf8' });
    if (error) return { missing: 'not installed: apt-get install --no-install-recommends nats-server' };
    return { version: /v(\d\S*)/.exec(stdout + stderr)?.[1] ?? 'unknown' };
  },
  async start(directory) {
    const [client, port] = [await freePort(), await freePort()];
    const file = join(directory, 'nats.conf');
    writeFileSync(
      file,
      [
        'server_name: gridmoor-bench',
        'host: 127.0.0.1',
        `port: ${client}`,
        `jetstream { store_dir: "${join(directory, 'jetstream')}" }`,
        `mqtt { host: 127.0.0.1, port: ${port}, max_ack_pending: 65535 }`,
        '',
      ].join('\n'),
    );
    const server = await startServer({
      command: 'nats-server',
      args: ['-c', file],
      readyFrom: (line) => (line.includes('Server is ready') ? true : undefined),
    });
    await accepting(port);
    return { ...server, address: { host: '127.0.0.1', port } };
  },
};
