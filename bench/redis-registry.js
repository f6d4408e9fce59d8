// What the registry costs in Redis: provisioning and attaching per second, CPU of this process and of Redis, and memory.
// Needs `npm run build` and redis-server.
import { newAssetId, newDeviceId } from '../dist/model/ids.js';
import { openRedisStorage } from '../dist/storage/redis/index.js';
import { numberOption, readArguments } from './options.js';
import { startRedis } from './redis-server.js';
import { orExit } from './usage.js';

const { flags, DEVICES, PARALLEL } = orExit(() => {
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const text = /** @type {const} */ ({ type: 'string' });
  const flags = readArguments(process.argv.slice(2), { devices: text, parallel: text, durable: flag, json: flag });
  return {
    flags,
    DEVICES: numberOption('devices', flags.devices, { fallback: 20_000, min: 1, max: 10_000_000, whole: true }),
    PARALLEL: numberOption('parallel', flags.parallel, { fallback: 50, min: 1, max: 10_000, whole: true }),
  };
});
const CREATED = 1_760_000_000_000;
/** Of the length that keyed hashes have. */
const hashOf = (text) => text.padEnd(43, '-');

const redis = await startRedis({ flushed: flags.durable ? 'always' : 'no' });
const storage = await openRedisStorage({ connection: { target: redis.target } });
const [client] = redis.clients;
const ids = Array.from({ length: DEVICES }, (_, i) => newDeviceId(CREATED + i));
const supplier = { id: newAssetId(CREATED), type: 'PowerSupplier', name: 'Acme', createdAt: CREATED };
await storage.suppliers.createSupplier({ asset: supplier, keys: [{ kid: 'k1', hash: hashOf('key'), notBefore: 0 }] });

const rows = [
  await measure('create a device with attributes and audit line', create),
  await measure('attach a device to its supply point', attach),
  await measure('find a device by its credentials', (_, i) => storage.registry.credentials(hashOf(`credentials-${i}`))),
  await measure('delete a device', (id) => storage.registry.deleteDevice(id, CREATED, 'bench')),
];
await storage.close();
await redis.stop();
if (flags.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
else console.table(rows);

function create(id, i) {
  const name = `smart-meter-${String(i).padStart(8, '0')}`;
  return storage.registry.createDevice({
    device: { id, name, profile: 'smart-meter', gateway: false, createdAt: CREATED },
    credentials: { deviceId: id, type: 'ACCESS_TOKEN', index: hashOf(`credentials-${i}`), createdAt: CREATED },
    serverAttributes: { provisionState: 'provisioned' },
    stateDue: CREATED,
    audit: { at: CREATED, action: 'provision', by: 'device', subject: name, outcome: 'created' },
  });
}

function attach(deviceId, i) {
  return storage.attachments.attach({
    deviceId,
    supplierId: supplier.id,
    supplyPoint: { scheme: 'cups', stem: `ES0021${String(i).padStart(12, '0')}`, suffix: '0F' },
    supplyPointHash: hashOf(`point-${i}`),
    grid: { code: '0021', name: 'i-DE' },
    onConflict: 'reject',
    now: CREATED,
    by: 'chain:onboarding/attach',
  });
}

/** Runs the step once for each device, so many at a time. */
async function measure(title, step) {
  const before = await redis.numbers();
  const cpu = process.cpuUsage();
  const start = performance.now();
  let next = 0;
  const times = [];
  const worker = async () => {
    for (let i = next++; i < DEVICES; i = next++) {
      const begun = performance.now();
      await step(ids[i], i);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  await storage.drain();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  // Records of finished steps expire by themselves and are no lasting cost.
  await forgetOperations();
  const after = await redis.numbers();
  times.sort((a, b) => a - b);
  return {
    step: title,
    'per second': Math.round(DEVICES / seconds),
    'p99 ms': Math.round(times[Math.floor(times.length * 0.99)] * 10) / 10,
    'CPU us': Math.round((user + system) / DEVICES),
    'Redis us': Math.round(((after.cpuSeconds - before.cpuSeconds) * 1e6) / DEVICES),
    'memory bytes': Math.round((after.memory - before.memory) / DEVICES),
  };
}

async function forgetOperations() {
  let cursor = '0';
  do {
    const [following, keys] = await client.scan(cursor, 'MATCH', '*:op:*', 'COUNT', 10_000);
    cursor = following;
    if (keys.length > 0) await client.unlink(keys);
  } while (cursor !== '0');
}
