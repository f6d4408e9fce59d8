import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Of the comparison alone: no dependency of the project knows them. */
export const NODE_RED = { 'node-red': '5.0.7', 'node-red-contrib-aedes': '0.6.0' };

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gridmoor-bench');

/**
 * The folder in which exactly these packages are installed; they are fetched from the npm registry when they are not.
 * @param {Readonly<Record<string, string>>} packages  Name and version.
 * @returns {string}
 */
export function installed(packages) {
  const names = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const folder = join(CACHE, names.join('+').replaceAll('/', '-'));
  // Written last: an install that was broken off is done again.
  const done = join(folder, 'installed');
  if (existsSync(done)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  process.stderr.write(`installing ${names.join(' and ')} into ${folder}\n`);
  const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error'];
  // Node-RED asks for a newer Node than gridmoor does, and runs on this one.
  execFileSync('npm', ['install', ...flags, '--engine-strict=false', ...names], { cwd: folder, stdio: 'ignore' });
  writeFileSync(done, '');
  return folder;
}
