import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/index.ts';

/** One line of `gridmoor doctor`. */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do, for `warn` and `fail`. */
  readonly repair?: string;
}

const OLDEST_NODE = [20, 19] as const;
const MIB = 1024 * 1024;
const LITTLE_SPACE = 1024 * MIB;
const NO_SPACE = 100 * MIB;
/** Descriptors beside those of connections: store, logs, listeners, sinks. */
const OTHER_DESCRIPTORS = 200;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = OLDEST_NODE;
  const old = major < needMajor || (major === needMajor && minor < needMinor);
  if (!old) return { check: 'node', level: 'ok', found: `Node ${version}` };
  const repair = `install Node ${needMajor}.${needMinor} or newer`;
  return { check: 'node', level: 'fail', found: `Node ${version} is too old`, repair };
}

/** Rights and free space of the data directory, or of where it would be made. */
export function checkDataDir(dataDir: string): Finding[] {
  const check = 'data directory';
  const place = existsSync(dataDir) ? dataDir : nearestFolder(dataDir);
  if (!statSync(place).isDirectory()) {
    return [{ check, level: 'fail', found: `${place} is no directory`, repair: 'name another with GRIDMOOR_DATA_DIR' }];
  }
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const repair = `give this user the directory: chown $(id -un) ${place}`;
    return [{ check, level: 'fail', found: `${place} cannot be written by this user`, repair }];
  }
  const found = place === dataDir ? `${dataDir} can be written` : `${dataDir} will be made at the first start`;
  return [{ check, level: 'ok', found }, ...openToOthers(dataDir), freeSpace(place)];
}

/** Key files that others may read. */
export function checkKeyFiles(dataDir: string): Finding[] {
  const present = ['admin.key', 'instance.key'].map((name) => join(dataDir, name)).filter((path) => existsSync(path));
  return present.map((path): Finding => {
    const mode = statSync(path).mode & 0o777;
    if (process.platform === 'win32' || (mode & 0o077) === 0) return { check: 'key file', level: 'ok', found: path };
    const found = `${path} can be read by others (mode ${mode.toString(8)})`;
    return { check: 'key file', level: 'fail', found, repair: `chmod 600 ${path}` };
  });
}

/** The limit of open files against the configured number of connections. */
export function checkDescriptors(config: Config, limits = readOrEmpty('/proc/self/limits')): Finding {
  const check = 'descriptor limit';
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return { check, level: 'ok', found: 'not known on this system' };
  const limit = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  const needed = config.mqtt.maxConnections + OTHER_DESCRIPTORS;
  if (limit >= needed) return { check, level: 'ok', found: `${soft} open files` };
  const found = `${soft} open files, fewer than MQTT_MAX_CONNECTIONS asks for (${needed})`;
  return { check, level: 'warn', found, repair: `ulimit -n ${needed}, or LimitNOFILE= of the service` };
}

function openToOthers(dataDir: string): Finding[] {
  if (!existsSync(dataDir) || process.platform === 'win32') return [];
  const mode = statSync(dataDir).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  const found = `${dataDir} is open to other users (mode ${mode.toString(8)})`;
  return [{ check: 'data directory', level: 'warn', found, repair: `chmod 700 ${dataDir}` }];
}

function freeSpace(place: string): Finding {
  const check = 'free space';
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const found = `${Math.floor(free / MIB)} MiB free at ${place}`;
  if (free >= LITTLE_SPACE) return { check, level: 'ok', found };
  return { check, level: free < NO_SPACE ? 'fail' : 'warn', found, repair: 'make room, or move the data directory' };
}

function nearestFolder(path: string): string {
  const parent = dirname(path);
  return existsSync(parent) || parent === path ? parent : nearestFolder(parent);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
