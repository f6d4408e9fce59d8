#!/usr/bin/env node
// What a message costs with a thousand registered devices, and with a million; start-up and memory with so many. Devices are
// registered through the storage port. Beside each figure bare aedes is measured, since one store after the other takes long.
// Needs `npm run build`; --store redis: redis-server. A million devices take 1.5 GB of memory there, and ten minutes.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newDeviceId } from '../dist/model/ids.js';
import { openEmbeddedStorage } from '../dist/storage/embedded/index.js';
import { openRedisStorage } from '../dist/storage/redis/index.js';
import { inParallel } from './load/connection.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { cpuSeconds, rssBytes } from './proc.js';
import { startRedis } from './redis-server.js';
import { median } from './report.js';
import { generate } from './runner.js';
import { SCENARIOS } from './scenarios.js';
import { aedes } from './targets/aedes.js';
import { start } from './targets/gridmoor.js';
import { orExit } from './usage.js';

const { stores, counts, seconds, messages, repeat, dir, json } = orExit(() => {
  const text = /** @type {const} */ ({ type: 'string' });
  const flags = readArguments(process.argv.slice(2), {
    store: text,
    counts: text,
    seconds: text,
    repeat: text,
    messages: text,
    dir: text,
    json: { type: 'boolean', default: false },
  });
  const stores = (flags.store ?? 'embedded,redis').split(',');
  const wrongStore = stores.find((name) => name !== 'embedded' && name !== 'redis');
  if (wrongStore !== undefined) throw new UsageError(`--store knows embedded, redis, not "${wrongStore}".`);
  return {
    stores,
    counts: (flags.counts ?? '1000,10000,100000,1000000')
      .split(',')
      .map((count) => numberOption('counts', count, { fallback: 0, min: 1, max: 10_000_000, whole: true })),
    seconds: numberOption('seconds', flags.seconds, { fallback: 3, min: 0.5, max: 240 }),
    messages: numberOption('messages', flags.messages, { fallback: 40_000, min: 1, max: 1e8, whole: true }),
    repeat: numberOption('repeat', flags.repeat, { fallback: 3, min: 1, max: 100, whole: true }),
    dir: flags.dir ?? tmpdir(),
    json: flags.json,
  };
});
/** Devices that send; they are among the first that are registered. */
const SCENARIO = 'qos1-window1';
/** Registrations under way at a time. */
const AT_ONCE = { embedded: 5_000, redis: 500 };
/** Devices that get samples from the store's side, in groups of so many. */
const ACTIVE = 1_000;
const GROUP = 500;
const GROUPS = 100;
const CREATED = 1_760_000_000_000;

/** Of the length that keyed hashes have. */
const hashOf = (/** @type {string} */ name) => name.padEnd(43, '-');

/** @param {string[]} ids those that are there; grows to `count` */
async function register(storage, ids, count, parallel) {
  const first = ids.length;
  await inParallel(count - first, parallel, async (offset) => {
    const i = first + offset;
    const id = newDeviceId(CREATED + i);
    ids[i] = id;
    const { kind } = await storage.registry.createDevice({
      device: {
        id,
        name: `meter-${String(i).padStart(8, '0')}`,
        profile: 'smart-meter',
        gateway: false,
        createdAt: CREATED,
      },
      credentials: { deviceId: id, type: 'ACCESS_TOKEN', index: hashOf(`credentials-${i}`), createdAt: CREATED },
      serverAttributes: { active: false },
      stateDue: Date.now() + 86_400_000,
    });
    if (kind !== 'created') throw new Error(`Device ${i} was not created: ${kind}.`);
  });
  await storage.drain();
}

/** CPU of the store for a sample, us: its device is the next of those given. */
async function storeUs(storage, ids) {
  const group = async (n) => {
    const saved = [];
    for (let i = 0; i < GROUP; i++) {
      const entityId = ids[(n * GROUP + i) % ids.length];
      const values = { energy_import_wh: n * 1000 + i, power_w: i };
      saved.push(storage.telemetry.save({ entityId, ts: CREATED + n, values, text: JSON.stringify(values) }));
    }
    await Promise.all(saved);
  };
  for (let n = 0; n < GROUPS / 4; n++) await group(n);
  const cpu = process.cpuUsage();
  for (let n = GROUPS; n < 2 * GROUPS; n++) await group(n);
  await storage.drain();
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / GROUPS / GROUP;
}

/** So many of them, evenly spread. */
const spread = (ids, count) => Array.from({ length: count }, (_, i) => ids[Math.floor((i * ids.length) / count)]);

/** One load on a process that was started for it. */
async function cpuOf(server, users) {
  const { measurement, problems } = await generate({
    ...{ scenario: SCENARIO, address: server.address, pid: server.pid, users },
    ...{ seconds, warmupSeconds: 1, messages, connections: users.length, rate: 1 },
  });
  for (const problem of problems) process.stderr.write(`  ${problem}\n`);
  return measurement.cpuUs;
}

async function measureStart(directory, kept, settings) {
  const began = performance.now();
  const server = await start(directory, { kept }, settings);
  const { user, system } = cpuSeconds(server.pid);
  const figures = {
    readyMs: performance.now() - began,
    startMs: (user + system) * 1000,
    rssMiB: rssBytes(server.pid) / 2 ** 20,
  };
  return { server, figures };
}

async function measure(store) {
  const directory = mkdtempSync(join(dir, 'gridmoor-registered-'));
  const redis = store === 'redis' ? await startRedis() : undefined;
  const settings = redis && {
    ...redis.settings,
    GRIDMOOR_SECRET_KEY: createHash('sha256').update(directory).digest('base64'),
  };
  const open = () =>
    redis
      ? openRedisStorage({ connection: { target: redis.target } })
      : openEmbeddedStorage({ dataDir: join(directory, 'data') });
  const rows = [];
  try {
    mkdirSync(directory, { recursive: true });
    const kept = await start(directory, {}, settings);
    const { connections } = SCENARIOS[SCENARIO];
    const prepare = { scenario: 'prepare', address: kept.address, pid: kept.pid, provision: kept.provision };
    const users = await generate({ ...prepare, seconds, warmupSeconds: 1, connections, rate: 1 });
    await kept.stop();
    const ids = [];
    for (const count of counts) {
      const before = await redis?.numbers();
      const had = ids.length;
      const storage = await open();
      await register(storage, ids, count, AT_ONCE[store]);
      const after = await redis?.numbers();
      const sampleUs = await storeUs(storage, spread(ids, Math.min(ACTIVE, count)));
      await storage.close();
      const runs = [];
      for (let n = 0; n < repeat; n++) {
        const { server, figures } = await measureStart(directory, kept, settings);
        const redisCpu = (await redis?.numbers())?.cpuSeconds;
        const cpuUs = await cpuOf(server, users).finally(() => server.stop());
        const redisMs = ((await redis?.numbers())?.cpuSeconds - redisCpu) * 1000;
        const bare = await aedes.start(directory, { scenario: SCENARIO });
        const aedesUs = await cpuOf(bare, users).finally(() => bare.stop());
        runs.push({ ...figures, cpuUs, ratio: cpuUs / aedesUs, redisMs });
        process.stderr.write(`${store} ${count}: ${cpuUs.toFixed(1)} us, ${(cpuUs / aedesUs).toFixed(2)} x aedes\n`);
      }
      const of = (name, digits = 0) => Number(median(runs.map((run) => run[name]))?.toFixed(digits));
      const row = {
        store,
        devices: count,
        'CPU us/message': of('cpuUs', 1),
        'x aedes': of('ratio', 2),
        [`store us, ${ACTIVE} of them`]: Number(sampleUs.toFixed(1)),
        'ready ms': of('readyMs'),
        'start CPU ms': of('startMs'),
        'RSS MiB': of('rssMiB'),
        ...(redis ? { 'Redis bytes/device': Math.round((after.memory - before.memory) / (count - had)) } : {}),
      };
      process.stderr.write(`${JSON.stringify(row)}\n`);
      rows.push(row);
    }
  } finally {
    await redis?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  return rows;
}

// The servers are ended with this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

for (const store of stores) {
  const rows = await measure(store);
  if (json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
  else console.table(rows);
}
