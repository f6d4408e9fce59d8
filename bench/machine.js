import { closeSync, existsSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { descriptorLimit } from './proc.js';

/** @type {Record<number, string>} */
const FILE_SYSTEMS = {
  61267: 'ext4',
  16914836: 'tmpfs (a commit costs no disk there: choose another with --dir)',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
};

/**
 * What a figure depends on besides the code.
 * @param {string} directory  Where data directories are made.
 */
export function describeMachine(directory) {
  const type = statfsSync(directory).type;
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
    loadAverage: os.loadavg()[0] ?? 0,
    descriptors: descriptorLimit(),
    directory,
    fileSystem: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`,
  };
}

const MEMORY = '/dev/shm';

/** A directory whose files are in memory only; undefined where there is none. */
export const inMemory = () => (existsSync(MEMORY) ? MEMORY : undefined);

/** What a small commit writes. */
const BLOCK = Buffer.alloc(16_384, 1);
const SYNCS = 3_000;

/**
 * How long the disk takes to make 16 KiB durable, again and again: what an acknowledgement waits for besides the server. On a
 * machine that shares its disk with others, the longest are a thousand times the usual.
 * @param {string} directory
 */
export function measureDisk(directory) {
  const file = join(directory, `gridmoor-bench-disk-${process.pid}`);
  const descriptor = openSync(file, 'w');
  const took = [];
  try {
    for (let i = 0; i < SYNCS; i++) {
      writeSync(descriptor, BLOCK, 0, BLOCK.length, (i % 256) * BLOCK.length);
      const since = performance.now();
      fdatasyncSync(descriptor);
      took.push(performance.now() - since);
    }
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
  took.sort((a, b) => a - b);
  const share = (/** @type {number} */ part) => Number((took[Math.floor((SYNCS - 1) * part)] ?? 0).toFixed(2));
  return { p50Ms: share(0.5), p99Ms: share(0.99), p999Ms: share(0.999), mostMs: share(1) };
}
