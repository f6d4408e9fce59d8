import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installed, NODE_RED } from '../packages.js';

const FLOW = fileURLToPath(new URL('./node-red-flow.js', import.meta.url));

/**
 * Runs the flow in a Node-RED of its own.
 * @param {number} messages
 * @returns {{ version: string, cpuNsPerMessage: number }}
 */
export function measureNodeRed(messages) {
  const folder = installed(NODE_RED);
  const printed = execFileSync(process.execPath, [FLOW, folder, String(messages)], { encoding: 'utf8' });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '');
}
