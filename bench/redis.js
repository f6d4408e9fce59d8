// What the Redis store costs per message: CPU of this process and of Redis, commands, bytes, memory.
// --cluster: a Cluster of three masters; --embedded: the embedded store beside it, in the same run.
// Needs `npm run build` and redis-server.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newDeviceId } from '../dist/model/ids.js';
import { openEmbeddedStorage } from '../dist/storage/embedded/index.js';
import { openRedisStorage } from '../dist/storage/redis/index.js';
import { readArguments, UsageError } from './options.js';
import { startRedis } from './redis-server.js';
import { orExit } from './usage.js';

/** A group: what is under way before one waits for its end. */
const GROUPS = [
  { title: '50 devices x 50 samples per group', devices: 50, each: 50, groups: 200 },
  { title: '2,500 devices x 1 sample per group', devices: 2500, each: 1, groups: 100 },
  { title: '50 devices x 1 sample per group', devices: 50, each: 1, groups: 1000 },
  { title: '500 devices x 1,280 samples', devices: 500, each: 1, groups: 1280, warmup: 0 },
];
const COUNTS = [1, 4, 20];
const MESSAGES = ['telemetry', 'attributes'].flatMap((kind) =>
  COUNTS.map((count) => ({
    title: `${kind}, ${count} value${count > 1 ? 's' : ''}`,
    ...{ kind, count, devices: 500, each: 1, groups: 100 },
  })),
);
const CASES = { groups: GROUPS, messages: MESSAGES };

const { flags, chosen } = orExit(() => {
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const text = /** @type {const} */ ({ type: 'string' });
  const flags = readArguments(process.argv.slice(2), {
    cluster: flag,
    embedded: flag,
    durable: flag,
    cases: text,
    only: text,
    json: flag,
  });
  const known = (flags.cases ?? Object.keys(CASES).join(',')).split(',').flatMap((name) => {
    if (Object.hasOwn(CASES, name)) return CASES[name];
    throw new UsageError(`--cases knows ${Object.keys(CASES).join(', ')}, not "${name}".`);
  });
  const chosen = known.filter(({ title }) => title.includes(flags.only ?? ''));
  if (chosen.length === 0) throw new UsageError(`--only is a part of a title, and no title has "${flags.only}".`);
  return { flags, chosen };
});

async function measure(item) {
  const redis = await startRedis({ flushed: flags.durable ? 'always' : 'no', clustered: flags.cluster });
  const storage = await openRedisStorage({ connection: { target: redis.target } });
  try {
    const empty = await redis.numbers();
    const { samples, cpuUs, seconds, before, after, registered } = await run(item, storage, redis);
    const each = (name) => (after[name] - before[name]) / samples;
    const calls = Object.keys(after.calls)
      .filter((name) => !['info', 'auth', 'ping'].includes(name))
      .map((name) => [name, (after.calls[name] - (before.calls[name] ?? 0)) / samples])
      .filter(([, count]) => count >= 0.005)
      .map(([name, count]) => `${name} ${round(count)}`);
    return {
      case: item.title,
      'CPU us': round(cpuUs / samples),
      ...(flags.embedded ? { 'embedded us': await embedded(item) } : {}),
      'Redis us': round(each('cpuSeconds') * 1e6),
      commands: round(each('commands')),
      'bytes in': Math.round(each('bytesIn')),
      'bytes out': Math.round(each('bytesOut')),
      'memory bytes': round(each('memory')),
      'bytes/device': Math.round((registered.memory - empty.memory) / item.devices),
      'per s': Math.round(samples / seconds),
      calls: calls.join(', '),
    };
  } finally {
    await storage.close();
    await redis.stop();
  }
}

/** The same work for the embedded store. */
async function embedded(item) {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  const storage = await openEmbeddedStorage({ dataDir });
  try {
    const { samples, cpuUs } = await run(item, storage);
    return round(cpuUs / samples);
  } finally {
    await storage.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run({ devices, each, groups, warmup = groups / 4, kind = 'telemetry', count = 5 }, storage, redis) {
  const ids = await Promise.all(Array.from({ length: devices }, (_, i) => register(storage, i)));
  const registered = await redis?.numbers();
  const samples = samplesOf(count);
  let ts = 1_760_000_000_000;
  let sent = 0;
  const save = {
    telemetry: (entityId, { values, text }) => storage.telemetry.save({ entityId, ts, values, text }),
    attributes: (entityId, { values }) =>
      storage.attributes.save({ entityId, scope: 'CLIENT_SCOPE', ts, values, onlyOnChange: false }),
  }[kind];
  const group = async () => {
    const saved = [];
    for (let n = 0; n < each; n++) {
      ts += 60_000;
      for (const id of ids) saved.push(save(id, samples[sent++ % samples.length]));
    }
    await Promise.all(saved);
  };
  for (let i = 0; i < warmup; i++) await group();
  await storage.drain();
  const before = await redis?.numbers();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const first = sent;
  for (let i = 0; i < groups; i++) await group();
  await storage.drain();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  const after = await redis?.numbers();
  return { samples: sent - first, cpuUs: user + system, seconds, before, after, registered };
}

async function register(storage, i) {
  const id = newDeviceId(Date.now());
  const device = { id, name: `meter-${i}`, profile: 'meter', gateway: false, createdAt: Date.now() };
  const credentials = { deviceId: id, type: 'ACCESS_TOKEN', index: `index-${i}`, createdAt: 0 };
  await storage.registry.createDevice({ device, credentials, serverAttributes: {} });
  return id;
}

/** As a meter reports: an index that rises, readings that move, a state; made beforehand, as a message that has been parsed. */
function samplesOf(count) {
  return Array.from({ length: 50_000 }, (_, n) => {
    const wave = Math.sin(n / 7);
    const all = {
      power: Math.round((1234.5 + 800 * wave) * 10) / 10,
      voltage: Math.round((230 + 3 * wave) * 10) / 10,
      current: Math.round((5.4 + 3 * wave) * 100) / 100,
      energy: 100_000 + n,
      state: 'on',
    };
    for (let more = 5; more < count; more++) all[`reading${more}`] = Math.round((50 + 5 * wave) * 10 + more) / 10;
    const values = Object.fromEntries(Object.entries(all).slice(0, count));
    return { values, text: JSON.stringify(values) };
  });
}

const round = (value) => Math.round(value * 100) / 100;

const rows = [];
for (const item of chosen) rows.push(await measure(item));
if (flags.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
else console.table(rows);
