// What the Redis store costs per telemetry sample: CPU of this process and of Redis, commands, bytes, memory.
// Needs `npm run build` and redis-server.
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { newDeviceId } from '../dist/model/ids.js';
import { openRedisStorage } from '../dist/storage/redis/index.js';
import { cpuOf, numbersOf, startRedis } from './redis-server.js';

const CASES = [
  { title: '50 devices x 50 samples per group', devices: 50, each: 50, groups: 200 },
  { title: '2,500 devices x 1 sample per group', devices: 2500, each: 1, groups: 100 },
  { title: '50 devices x 1 sample per group', devices: 50, each: 1, groups: 1000 },
  { title: '500 devices x 1,280 samples', devices: 500, each: 1, groups: 1280, warmup: 0 },
];

const { values: flags } = parseArgs({
  options: { durable: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});

async function measure({ title, devices, each, groups, warmup = groups / 4 }) {
  const redis = await startRedis(flags);
  const connection = { target: { kind: 'standalone', host: '127.0.0.1', port: redis.port } };
  const storage = await openRedisStorage({ connection });
  const client = new Redis(redis.port);
  try {
    const empty = await numbersOf(client);
    const ids = await Promise.all(Array.from({ length: devices }, (_, i) => register(storage, i)));
    const registered = await numbersOf(client);
    let ts = 1_760_000_000_000;
    let count = 0;
    const group = async () => {
      let last;
      for (let n = 0; n < each; n++) {
        ts += 60_000;
        for (const entityId of ids)
          last = storage.telemetry.save({ entityId, ts, ...SAMPLES[count++ % SAMPLES.length] });
      }
      await last;
    };
    for (let i = 0; i < warmup; i++) await group();
    await storage.drain();
    const before = await numbersOf(client);
    const redisCpu = cpuOf(redis.pid);
    const cpu = process.cpuUsage();
    const start = performance.now();
    const first = count;
    for (let i = 0; i < groups; i++) await group();
    await storage.drain();
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - start) / 1000;
    const redisUs = (cpuOf(redis.pid) - redisCpu) * 1e6;
    const after = await numbersOf(client);
    const samples = count - first;
    return {
      case: title,
      'CPU us/sample': round((user + system) / samples),
      'Redis us/sample': round(redisUs / samples),
      'commands/sample': round((after.commands - before.commands) / samples),
      'bytes in/sample': Math.round((after.bytesIn - before.bytesIn) / samples),
      'bytes out/sample': Math.round((after.bytesOut - before.bytesOut) / samples),
      'memory bytes/sample': round((after.memory - before.memory) / samples),
      'memory bytes/device': Math.round((registered.memory - empty.memory) / devices),
      'samples/s': Math.round(samples / seconds),
    };
  } finally {
    client.disconnect();
    await storage.close();
    await redis.stop();
  }
}

async function register(storage, i) {
  const id = newDeviceId(Date.now());
  const device = { id, name: `meter-${i}`, profile: 'meter', gateway: false, createdAt: Date.now() };
  const credentials = { deviceId: id, type: 'ACCESS_TOKEN', index: `index-${i}`, createdAt: 0 };
  await storage.registry.createDevice({ device, credentials, serverAttributes: {} });
  return id;
}

/** As a meter reports: an index that rises, and readings that move. */
function sampleOf(n) {
  const wave = Math.sin(n / 7);
  const values = {
    power: Math.round((1234.5 + 800 * wave) * 10) / 10,
    voltage: Math.round((230 + 3 * wave) * 10) / 10,
    current: Math.round((5.4 + 3 * wave) * 100) / 100,
    energy: 100_000 + n,
    state: 'on',
  };
  return { values, text: JSON.stringify(values) };
}

const round = (value) => Math.round(value * 100) / 100;

/** Made beforehand: a message arrives as text and has been parsed before it comes to the store. */
const SAMPLES = Array.from({ length: 50_000 }, (_, n) => sampleOf(n));

const rows = [];
for (const item of CASES) rows.push(await measure(item));
if (flags.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
else console.table(rows);
