#!/usr/bin/env node
// `npm test`: what the tests need is there, dist/ is current, then every Vitest project in turn. The last line on standard
// output is the sum over all of them: `N passed, N failed, N skipped`. Words behind `npm test --` go to Vitest.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PROJECTS = ['unit', 'integration', 'conformance', 'chaos'];
/** Real MQTT clients, against which the broker is tested, and Redis; Debian keeps the broker of Mosquitto beside its clients. */
const TOOLS = ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr', 'redis-server'];
const PACKAGES = ['mosquitto-clients', 'mosquitto', 'redis-server', 'haproxy'];
const INSTALL = `apt-get update && apt-get install -y --no-install-recommends ${PACKAGES.join(' ')}`;

/** @typedef {{ passed: number, failed: number, skipped: number }} Sum */

/** @param {string} tool */
function isInstalled(tool) {
  return `${process.env.PATH ?? ''}${delimiter}/usr/sbin`.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function ensureTools() {
  const missing = TOOLS.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) return true;
  const isRoot = process.getuid?.() === 0;
  if (process.env.CI && isRoot && existsSync('/etc/debian_version')) {
    process.stdout.write(`${missing.join(', ')} missing: ${INSTALL}\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('sh', ['-c', INSTALL], { stdio: 'inherit', env });
    if (TOOLS.every(isInstalled)) return true;
  }
  const sudo = isRoot ? '' : 'sudo ';
  const debian = INSTALL.split(' && ').map((command) => `${sudo}${command}`);
  process.stderr.write(
    `The tests speak to the broker with real clients and keep data in a real Redis, and ${missing.join(', ')} is missing. On Debian or Ubuntu type:\n\n` +
      `    ${debian.join(' && ')}\n\nand on macOS: brew install mosquitto redis\n`,
  );
  return false;
}

/** @param {string} path */
function newest(path) {
  const facts = statSync(path);
  if (!facts.isDirectory()) return facts.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function ensureBuild() {
  const main = join(ROOT, 'dist', 'main.js');
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json'].map((name) => newest(join(ROOT, name)));
  if (existsSync(main) && statSync(main).mtimeMs >= Math.max(...sources)) return true;
  process.stdout.write('dist/ is missing or older than src/: npm run build\n');
  return spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' }).status === 0;
}

/**
 * @param {string} project
 * @param {string} report
 * @param {readonly string[]} words
 * @returns {Promise<number>} Vitest's exit code
 */
function runVitest(project, report, words) {
  const args = [
    join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
    ...['run', '--project', project, '--passWithNoTests', '--reporter=default', '--reporter=json'],
    `--outputFile.json=${report}`,
    ...words,
  ];
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
    child.on('error', () => done(1));
    child.on('exit', (code) => done(code ?? 1));
  });
}

/**
 * What one project came to. Whatever went wrong without a failed test counts as one: a file that could not be read, an error
 * between tests, a run that ended without a report.
 * @param {string} report
 * @param {number} exitCode
 * @returns {Sum}
 */
function sumOf(report, exitCode) {
  if (!existsSync(report)) return { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const brokenFiles = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = numFailedTests + brokenFiles;
  return {
    passed: numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  };
}

/**
 * The failures of one project, each with the first lines of its reason: said again at the end, where a log of thousands of
 * lines is read first.
 * @param {string} report
 * @returns {string[]}
 */
function failuresOf(report) {
  if (!existsSync(report)) return [];
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return testResults
    .filter((file) => file.status === 'failed')
    .flatMap((file) => {
      const path = relative(ROOT, file.name);
      const failed = file.assertionResults.filter((test) => test.status === 'failed');
      if (failed.length === 0) return [`${path}\n${firstLines(file.message ?? '')}`];
      return failed.map((test) => `${path} > ${test.fullName}\n${firstLines(test.failureMessages.join('\n'))}`);
    });
}

/** @param {string} text */
function firstLines(text) {
  const lines = text.split('\n').slice(0, 12);
  return lines.map((line) => `    ${line.slice(0, 300)}`).join('\n');
}

/** @param {Sum} sum */
function close({ passed, failed, skipped }) {
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

if (!ensureTools() || !ensureBuild()) close({ passed: 0, failed: 1, skipped: 0 });
else {
  // Vitest hears Ctrl-C itself, and this process waits for it.
  process.on('SIGINT', () => {});
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-test-'));
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for (const project of PROJECTS) {
    const report = join(folder, `${project}.json`);
    const one = sumOf(report, await runVitest(project, report, process.argv.slice(2)));
    sum.passed += one.passed;
    sum.failed += one.failed;
    sum.skipped += one.skipped;
    failures.push(...failuresOf(report));
  }
  rmSync(folder, { recursive: true, force: true });
  if (failures.length > 0) process.stdout.write(`\nfailed tests\n\n${failures.join('\n\n')}\n`);
  close(sum);
}
