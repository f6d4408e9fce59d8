import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'node-red@5';
const FLOW = fileURLToPath(new URL('./node-red-flow.js', import.meta.url));

/**
 * Installs Node-RED into a temporary folder, runs the flow there, and takes the folder away.
 * @param {number} messages
 * @param {(line: string) => void} say
 * @returns {{ version: string, cpuNsPerMessage: number }}
 */
export function measureNodeRed(messages, say) {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-node-red-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    say(`installing ${PACKAGE} into ${folder}`);
    const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error'];
    // Node-RED asks for a newer Node than gridmoor does, and runs on this one.
    execFileSync('npm', ['install', ...flags, '--engine-strict=false', PACKAGE], { cwd: folder, stdio: 'ignore' });
    const printed = execFileSync(process.execPath, [FLOW, folder, String(messages)], { encoding: 'utf8' });
    return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
