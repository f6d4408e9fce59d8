import { fileURLToPath } from 'node:url';
import { SCENARIOS } from '../scenarios.js';
import { CONSUMER_KINDS, STORED_TOPIC } from './kinds.js';
import { probe, start as startMosquitto } from './mosquitto.js';
import { startServer } from './process.js';
import { probeRedis, REDIS_SETTINGS, startRedis } from './redis.js';

const CONSUMER = fileURLToPath(new URL('./consumer.js', import.meta.url));

/** @type {import('./index.js').Target} */
export const mosquittoConsumer = {
  name: 'mosquitto-consumer',
  settings: `as mosquitto, with a Node process (mqtt.js, QoS 1) that parses, checks and stores each message in ${REDIS_SETTINGS}; acknowledged before that; noDelay`,
  kinds: CONSUMER_KINDS,
  onlyAcknowledged: true,
  probe() {
    const own = probe();
    const redis = probeRedis();
    if (redis.missing !== undefined || own.missing !== undefined) return own.missing === undefined ? redis : own;
    return { version: `${own.version}, Redis ${redis.version}` };
  },
  async start(directory, { scenario }) {
    const tell = SCENARIOS[scenario]?.kind === 'stored';
    const redis = await startRedis(directory);
    const broker = await startMosquitto(directory);
    const consumer = await startServer({
      command: process.execPath,
      args: [CONSUMER, String(broker.address.port), String(redis.port), ...(tell ? ['tell'] : [])],
      readyFrom: (line) => (line === 'ready' ? true : undefined),
    });
    return {
      ...broker,
      morePids: [consumer.pid],
      storePid: redis.pid,
      stored: { port: redis.port },
      topic: 'devices/{user}/telemetry',
      ...(tell ? { storedTopic: STORED_TOPIC } : {}),
      diagnose: () => consumer.diagnose() ?? broker.diagnose(),
      async stop() {
        await consumer.stop();
        const ended = await broker.stop();
        await redis.stop();
        return ended;
      },
    };
  },
};
