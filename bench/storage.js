// CPU of the embedded store per telemetry sample, from save() to the durable promise. Needs `npm run build`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newDeviceId } from '../dist/model/ids.js';
import { openEmbeddedStorage } from '../dist/storage/embedded/index.js';

const CASES = [
  { title: '50 devices x 50 samples per group', devices: 50, each: 50, groups: 200, goal: 1 },
  { title: '2,500 devices x 1 sample per group', devices: 2500, each: 1, groups: 60, goal: 8 },
];

async function measure({ title, devices, each, groups, goal }) {
  const dataDir = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  const storage = await openEmbeddedStorage({ dataDir });
  try {
    const ids = await Promise.all(Array.from({ length: devices }, (_, i) => register(storage, i)));
    let ts = 1_760_000_000_000;
    const group = async () => {
      let last;
      for (let n = 0; n < each; n++) {
        ts += 1000;
        for (const deviceId of ids) {
          const { values, text } = SAMPLES[n % SAMPLES.length];
          last = storage.telemetry.save({ entityId: deviceId, ts, values, text });
        }
      }
      await last;
    };
    for (let i = 0; i < groups / 4; i++) await group();
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (let i = 0; i < groups; i++) await group();
    const { user, system } = process.cpuUsage(cpu);
    const samples = groups * devices * each;
    return {
      case: title,
      'CPU us/sample': round((user + system) / samples),
      'goal us': goal,
      'user us': round(user / samples),
      'system us': round(system / samples),
      'samples/s': Math.round(samples / ((performance.now() - start) / 1000)),
    };
  } finally {
    await storage.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function register(storage, i) {
  const id = newDeviceId(Date.now());
  const device = { id, name: `meter-${i}`, profile: 'meter', gateway: false, createdAt: 0 };
  const credentials = { deviceId: id, type: 'ACCESS_TOKEN', index: `index-${i}`, createdAt: 0 };
  await storage.registry.createDevice({ device, credentials, serverAttributes: {} });
  return id;
}

/** Made beforehand: a message arrives as text and has been parsed before it comes to the store. */
const SAMPLES = Array.from({ length: 97 }, (_, i) => {
  const values = { power: 1234.5 + i, voltage: 230.1, current: 5.4, energy: 100_000 + i, state: 'on' };
  return { values, text: JSON.stringify(values) };
});

const round = (value) => Math.round(value * 100) / 100;

const rows = [];
for (const item of CASES) rows.push(await measure(item));
console.table(rows);
