import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, NODE_RED } from '../packages.js';
import { SCENARIOS } from '../scenarios.js';
import { CONSUMER_KINDS, STORED_TOPIC } from './kinds.js';
import { accepting, freePort, startServer } from './process.js';
import { probeRedis, REDIS_SETTINGS, startRedis } from './redis.js';

const FLOW = fileURLToPath(new URL('./node-red-broker.js', import.meta.url));

/** @type {import('./index.js').Target} */
export const nodeRed = {
  name: 'node-red',
  settings: `aedes broker, json, switch and function nodes; stores each message in ${REDIS_SETTINGS}; acknowledged before that; noDelay`,
  kinds: CONSUMER_KINDS,
  onlyAcknowledged: true,
  probe() {
    const redis = probeRedis();
    if (redis.missing !== undefined) return redis;
    try {
      installed(NODE_RED);
    } catch (error) {
      return { missing: `could not be installed: ${/** @type {Error} */ (error).message}` };
    }
    const packages = Object.entries(NODE_RED).map(([name, version]) => `${name} ${version}`);
    return { version: `${packages.join(', ')}, Redis ${redis.version}` };
  },
  async start(directory, { scenario }) {
    const tell = SCENARIOS[scenario]?.kind === 'stored';
    const redis = await startRedis(directory);
    const port = await freePort();
    const userDir = join(directory, 'node-red');
    mkdirSync(userDir);
    const server = await startServer({
      command: process.execPath,
      args: [FLOW, installed(NODE_RED), userDir, String(port), String(redis.port), ...(tell ? ['tell'] : [])],
      readyFrom: (line) => (line === 'ready' ? true : undefined),
    });
    await accepting(port);
    return {
      ...server,
      address: { host: '127.0.0.1', port },
      storePid: redis.pid,
      stored: { port: redis.port },
      topic: 'devices/{user}/telemetry',
      ...(tell ? { storedTopic: STORED_TOPIC } : {}),
      async stop() {
        const ended = await server.stop();
        await redis.stop();
        return ended;
      },
    };
  },
};
