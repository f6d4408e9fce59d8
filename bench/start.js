#!/usr/bin/env node
// Time from the start of the process to its ready line, and its memory then, with many devices in the store. Needs `npm run build`.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newDeviceId } from '../dist/model/ids.js';
import { openEmbeddedStorage } from '../dist/storage/embedded/index.js';
import { cpuSeconds, rssBytes } from './proc.js';
import { gridmoor } from './targets/gridmoor.js';

const COUNTS = [0, 100_000];
const REPEATS = 3;
const AT_ONCE = 5_000;

/** @param {string} dataDir @param {number} count */
async function register(dataDir, count) {
  mkdirSync(dataDir, { recursive: true });
  const storage = await openEmbeddedStorage({ dataDir });
  for (let from = 0; from < count; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => from + i);
    await Promise.all(
      numbers.map((i) => {
        const id = newDeviceId(Date.now());
        const device = { id, name: `meter-${i}`, profile: 'smart-meter', gateway: false, createdAt: Date.now() };
        const credentials = { deviceId: id, type: 'ACCESS_TOKEN', index: `index-${i}`, createdAt: Date.now() };
        const serverAttributes = { active: false };
        return storage.registry.createDevice({ device, credentials, serverAttributes, stateDue: Date.now() + 600_000 });
      }),
    );
  }
  await storage.close();
}

/** @param {string} directory */
async function start(directory) {
  const startedAt = performance.now();
  const server = await gridmoor.start(directory, { scenario: 'idle' });
  const readyMs = performance.now() - startedAt;
  const { user, system } = cpuSeconds(server.pid);
  const readyMiB = rssBytes(server.pid) / 2 ** 20;
  await delay(3_000);
  const laterMiB = rssBytes(server.pid) / 2 ** 20;
  await server.stop();
  return { readyMs, cpuMs: (user + system) * 1000, readyMiB, laterMiB };
}

const rows = [];
for (const devices of COUNTS) {
  const directory = mkdtempSync(join(tmpdir(), 'gridmoor-start-'));
  try {
    await register(join(directory, 'data'), devices);
    for (let repeat = 1; repeat <= REPEATS; repeat++) {
      const { readyMs, cpuMs, readyMiB, laterMiB } = await start(directory);
      rows.push({
        devices,
        repeat,
        'ready ms': Math.round(readyMs),
        'CPU ms': Math.round(cpuMs),
        'RSS MiB': Math.round(readyMiB),
        'RSS MiB 3 s later': Math.round(laterMiB),
      });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
console.table(rows);
