#!/usr/bin/env node
// `npm run test:sinks`: the nodes of external/ against real Kafka, PostgreSQL, RabbitMQ and Mosquitto. On a CI machine, as
// root, what is missing is installed; Kafka's jars are kept in the user's cache folder. Words behind
// `npm run test:sinks --` go to Vitest.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const POM = join(ROOT, 'test', 'sinks', 'pom.xml');
/** What shows that a Debian package is there. */
const PACKAGES = {
  mosquitto: '/usr/sbin/mosquitto',
  postgresql: '/usr/lib/postgresql',
  'rabbitmq-server': '/usr/lib/rabbitmq/bin/rabbitmq-server',
  'default-jre-headless': '/usr/bin/java',
  maven: '/usr/bin/mvn',
};
/** Exit code when the servers cannot be had: the suite has said nothing about the nodes (sysexits EX_TEMPFAIL). */
const NOT_INSTALLED = 75;

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
function runs(command, args, options) {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options }).status === 0;
}

function ensureServers() {
  const missing = () => Object.entries(PACKAGES).flatMap(([name, path]) => (existsSync(path) ? [] : [name]));
  if (missing().length === 0) return true;
  const install = `apt-get update && apt-get install -y --no-install-recommends ${missing().join(' ')}`;
  const isRoot = process.getuid?.() === 0;
  if (process.env.CI && isRoot && existsSync('/etc/debian_version')) {
    process.stdout.write(`${missing().join(', ')} missing: ${install}\n`);
    runs('sh', ['-c', install], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    if (missing().length === 0) return true;
  }
  const sudo = isRoot ? '' : 'sudo ';
  const debian = install.split(' && ').map((command) => `${sudo}${command}`);
  process.stderr.write(
    `The nodes are tried against real services, and ${missing().join(', ')} is missing. On Debian type:\n\n` +
      `    ${debian.join(' && ')}\n`,
  );
  return false;
}

/** @returns {string | undefined} the folder of Kafka's jars */
function ensureKafka() {
  const hash = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'gridmoor', `kafka-${hash}`);
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return folder;
  process.stdout.write(`fetching Kafka into ${folder}\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (!runs('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`])) {
    process.stderr.write('Kafka could not be fetched: is the package index reachable?\n');
    return undefined;
  }
  writeFileSync(complete, '');
  return folder;
}

function main() {
  if (!ensureServers()) return NOT_INSTALLED;
  const jars = ensureKafka();
  if (jars === undefined) return NOT_INSTALLED;
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const config = join(ROOT, 'test', 'sinks', 'vitest.config.ts');
  const args = [vitest, 'run', '--config', config, ...process.argv.slice(2)];
  return runs(process.execPath, args, { env: { ...process.env, GRIDMOOR_KAFKA_JARS: jars } }) ? 0 : 1;
}

process.exit(main());
