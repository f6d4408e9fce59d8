#!/usr/bin/env node
// `npm run test:sdk`: ThingsBoard's Python SDK, REST client and IoT gateway, the Python SDKs of EnOS and Alibaba Cloud, and
// libcoap's coap-client, unmodified, against the broker. Makes Python environments of its own in the user's cache folder, once for each list of packages. Words behind
// `npm run test:sdk --` go to Vitest. GRIDMOOR_SKIP_IOT_GATEWAY=1 leaves the gateway out.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SDK = { file: join(ROOT, 'test', 'sdk', 'requirements.txt'), modules: 'tb_gateway_mqtt, tb_ce_client' };
const GATEWAY = { file: join(ROOT, 'test', 'sdk', 'requirements-gateway.txt'), modules: 'thingsboard_gateway' };
const DIALECTS = {
  file: join(ROOT, 'test', 'sdk', 'requirements-dialects.txt'),
  modules: 'enos.core.MqttClient, linkkit.linkkit',
};
/** Exit code when the packages cannot be had: the suite has said nothing about the broker (sysexits EX_TEMPFAIL). */
const NOT_INSTALLED = 75;
const INSTALL = 'apt-get update && apt-get install -y --no-install-recommends python3 python3-venv';

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
function runs(command, args, options) {
  return spawnSync(command, args, { cwd: ROOT, ...options }).status === 0;
}

const hasPython = () => runs('python3', ['-c', 'import venv, ensurepip']);

function ensurePython() {
  if (hasPython()) return true;
  const isRoot = process.getuid?.() === 0;
  if (process.env.CI && isRoot && existsSync('/etc/debian_version')) {
    process.stdout.write(`python3 with venv is missing: ${INSTALL}\n`);
    runs('sh', ['-c', INSTALL], { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    if (hasPython()) return true;
  }
  const sudo = isRoot ? '' : 'sudo ';
  const debian = INSTALL.split(' && ').map((command) => `${sudo}${command}`);
  process.stderr.write(
    'The official SDK runs in a Python environment, and python3 with its module venv is missing. On Debian or Ubuntu type:\n\n' +
      `    ${debian.join(' && ')}\n\nand on macOS: brew install python\n`,
  );
  return false;
}

/** Without them the tests of CoAP are skipped: nothing else of the suite needs them. */
function ensureCoapClient() {
  const missing = () =>
    ['coap-client-openssl', 'socat'].filter(
      (command) => !runs('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }),
    );
  if (missing().length === 0) return;
  const install = 'apt-get update && apt-get install -y --no-install-recommends libcoap3-bin socat';
  if (process.env.CI && process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    runs('sh', ['-c', install], { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  }
  const left = missing();
  if (left.length > 0)
    process.stdout.write(`CoAP: ${left.join(', ')} missing, tests with them are skipped (${install})\n`);
}

/**
 * @param {typeof SDK} packages
 * @returns {string | undefined} the environment's Python
 */
function ensureEnvironment({ file, modules }) {
  const version = spawnSync('python3', ['--version'], { encoding: 'utf8' }).stdout.trim();
  const hash = createHash('sha256').update(version).update(readFileSync(file)).digest('hex').slice(0, 12);
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'gridmoor', `sdk-${hash}`);
  const python = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  if (existsSync(complete) && runs(python, ['-c', `import ${modules}`])) return python;
  process.stdout.write(`making a Python environment in ${folder}\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file];
  const made = runs('python3', ['-m', 'venv', folder], { stdio: 'inherit' }) && runs(python, pip, { stdio: 'inherit' });
  if (!made) {
    process.stderr.write('The Python environment could not be made: is the package index reachable?\n');
    return undefined;
  }
  writeFileSync(complete, '');
  return python;
}

function main() {
  if (!ensurePython()) return 1;
  ensureCoapClient();
  const python = ensureEnvironment(SDK);
  const dialectsPython = ensureEnvironment(DIALECTS);
  const gatewayPython = process.env.GRIDMOOR_SKIP_IOT_GATEWAY ? '' : ensureEnvironment(GATEWAY);
  if (python === undefined || dialectsPython === undefined || gatewayPython === undefined) return NOT_INSTALLED;
  if (!runs('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })) return 1;
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [
    vitest,
    'run',
    '--config',
    join('test', 'sdk', 'vitest.config.ts'),
    '--root',
    ROOT,
    ...process.argv.slice(2),
  ];
  const done = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      GRIDMOOR_SDK_PYTHON: python,
      GRIDMOOR_DIALECTS_PYTHON: dialectsPython,
      GRIDMOOR_GATEWAY_PYTHON: gatewayPython,
    },
  });
  return done.status ?? 1;
}

process.exitCode = main();
