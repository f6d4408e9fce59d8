import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SCENARIOS } from '../scenarios.js';
import { writeChain } from './chain-of.js';
import { GRIDMOOR_KINDS } from './kinds.js';
import { startServer } from './process.js';
import { probeRedis, startRedis } from './redis.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/main.js');
/** What `npm start` runs: flags of Node, the program and its words. */
const START = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  .scripts.start.split(' ')
  .slice(1);
/** Provision key of the profile that comes with the package. */
const PROVISION_KEY = 'smart-meter';

/** @param {string} line */
function readyFrom(line) {
  if (!line.includes('"event":"ready"')) return undefined;
  const ready = JSON.parse(line);
  return { mqtt: Number(ready.mqtt.port), http: Number(ready.http.port) };
}

/**
 * Each acknowledged message must have been processed: one that was refused, rate-limited or dead-lettered is cheaper.
 * @param {number} httpPort
 * @param {import('../load/worker.js').Outcome} outcome
 */
async function verify(httpPort, { messagesSent }) {
  if (messagesSent === undefined) return [];
  const answer = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  if (!answer.ok) return [`GET /metrics answered ${answer.status}: what became of the messages is not known.`];
  const samples = (await answer.text()).matchAll(/^gridmoor_messages_total\{outcome="([\w-]+)"\} (\S+)$/gm);
  const counts = new Map([...samples].map(([, word, count]) => [word, Number(count)]));
  const processed = counts.get('processed') ?? 0;
  counts.delete('processed');
  const problems = [...counts]
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} messages were ${word}.`);
  if (processed < messagesSent) problems.push(`${messagesSent} messages were acknowledged, ${processed} processed.`);
  return problems;
}

function probe() {
  if (!existsSync(MAIN)) return { missing: 'dist/main.js is missing: npm run build' };
  return { version: JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version };
}

/**
 * A broker with the shipped profile and rule chains, or with a chain of as many nodes as the scenario says.
 * @param {string} directory
 * @param {Partial<import('./index.js').StartOptions>} how
 * @param {NodeJS.ProcessEnv} [settings]
 */
export async function start(directory, { kept, scenario }, settings = {}) {
  const nodes = scenario === undefined ? undefined : SCENARIOS[scenario]?.chain;
  const secret = kept?.provision?.secret ?? randomBytes(24).toString('base64url');
  const adminKey = kept?.adminKey ?? randomBytes(24).toString('base64url');
  const data = join(directory, 'data');
  mkdirSync(data, { recursive: true });
  const server = await startServer({
    command: process.execPath,
    args: START,
    cwd: ROOT,
    env: {
      ...process.env,
      MQTT_BIND_ADDRESS: '127.0.0.1',
      MQTT_BIND_PORT: '0',
      HTTP_BIND_ADDRESS: '127.0.0.1',
      HTTP_BIND_PORT: '0',
      COAP_BIND_PORT: '0',
      GRIDMOOR_DATA_DIR: data,
      PROVISION_SECRET_SMART_METER: secret,
      GRIDMOOR_ADMIN_KEY: adminKey,
      ...(nodes === undefined ? {} : { GRIDMOOR_CHAINS_DIR: writeChain(directory, nodes) }),
      ...settings,
    },
    readyFrom,
  });
  return {
    ...server,
    address: { host: '127.0.0.1', port: server.ready.mqtt },
    provision: { key: PROVISION_KEY, secret },
    adminKey,
    api: { port: server.ready.http, adminKey },
    verify: (/** @type {import('../load/worker.js').Outcome} */ outcome) => verify(server.ready.http, outcome),
  };
}

/** @satisfies {import('./index.js').Target} */
export const gridmoor = {
  name: 'gridmoor',
  settings: 'embedded store, shipped profile and rule chains, logs to a pipe',
  kinds: GRIDMOOR_KINDS,
  probe,
  start,
};

/** @satisfies {import('./index.js').Target} */
export const gridmoorRedis = {
  name: 'gridmoor-redis',
  settings: 'as gridmoor, with a redis-server of its own on this machine, append-only, flushed every second',
  kinds: GRIDMOOR_KINDS,
  probe() {
    const redis = probeRedis();
    const own = probe();
    if (redis.missing !== undefined || own.missing !== undefined) return redis.missing === undefined ? own : redis;
    return { version: `${own.version}, Redis ${redis.version}` };
  },
  /**
   * @param {string} directory
   * @param {Partial<import('./index.js').StartOptions>} how
   * @param {NodeJS.ProcessEnv} [settings]
   */
  async start(directory, how, settings = {}) {
    const redis = await startRedis(directory);
    const server = await start(directory, how, {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      // The same after a restart: what is stored is sealed with it.
      GRIDMOOR_SECRET_KEY: createHash('sha256').update(directory).digest('base64'),
      ...settings,
    });
    return {
      ...server,
      storePid: redis.pid,
      async stop() {
        const ended = await server.stop();
        await redis.stop();
        return ended;
      },
    };
  },
};
