import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BROKER_KINDS } from './kinds.js';
import { startServer } from './process.js';

/** aedes does not export its package.json: it lies beside the entry file. */
const PACKAGE = new URL('package.json', import.meta.resolve('aedes'));
const BROKER = fileURLToPath(new URL('./bare-aedes.js', import.meta.url));

/** @type {import('./index.js').Target} */
export const aedes = {
  name: 'aedes',
  settings: 'bare: no hooks, no subscribers, in-memory, noDelay; provisioning is answered with a constant',
  kinds: [...BROKER_KINDS, 'provision'],
  probe: () => ({ version: JSON.parse(readFileSync(PACKAGE, 'utf8')).version }),
  async start(_directory, { scenario }) {
    const server = await startServer({
      command: process.execPath,
      args: [BROKER, ...(scenario === 'provision' ? ['--provision'] : [])],
      readyFrom: (line) => (line.includes('"event":"ready"') ? Number(JSON.parse(line).port) : undefined),
    });
    return { ...server, address: { host: '127.0.0.1', port: server.ready } };
  },
};
