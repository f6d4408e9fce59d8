// A chain of ten nodes without I/O, and the message that goes through all of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestContext, loadChains } from '../../dist/rules/index.js';

const NODES = [
  ['type', { kind: 'filter/msg-type-switch' }, 'Post telemetry'],
  ['fields', { kind: 'filter/check-fields', config: { msg: ['power', 'voltage'] } }, 'True'],
  ['band', { kind: 'filter/conditions', config: { conditions: band('voltage', 207, 253) } }, 'True'],
  ['set', { kind: 'transform/set-keys', config: { msg: { site: 'Zaragoza', meter: '${deviceName}' } } }, 'Success'],
  ['rename', { kind: 'transform/rename-keys', config: { msg: { power: 'powerW' } } }, 'Success'],
  ['load', { kind: 'filter/conditions', config: { conditions: band('powerW', 0, 10_000) } }, 'True'],
  ['site', { kind: 'filter/check-fields', config: { msg: ['site'], metadata: ['deviceType'] } }, 'True'],
  ['drop', { kind: 'transform/delete-keys', config: { msg: ['debug_*'] } }, 'Success'],
  ['again', { kind: 'filter/conditions', config: { conditions: band('voltage', 100, 300) } }, 'True'],
  ['save', { kind: 'action/save-telemetry' }, undefined],
];

/** @param {string} key @param {number} low @param {number} high */
export function band(key, low, high) {
  const leaf = (operator, value) => ({ fact: 'msg', path: `$.${key}`, operator, value });
  return { all: [leaf('greaterThanInclusive', low), leaf('lessThanInclusive', high)] };
}

export const MESSAGE = {
  id: 'm',
  ts: 1,
  type: 'POST_TELEMETRY_REQUEST',
  originator: createTestContext().originator('meter-1'),
  metadata: { deviceName: 'meter-1', deviceType: 'smart-meter', ts: '1750000000000' },
  data: { power: 230, voltage: 231.4, debug_heap: 812 },
};

/** The chain, loaded; `run` are the defaults of each run. */
export async function loadTenNodes(run = {}) {
  const nodes = NODES.map(([name, node, label], index) => {
    const next = NODES[index + 1]?.[0];
    return [name, next ? { ...node, to: { [label]: next } } : node];
  });
  const chain = { name: 'ten', root: true, first: 'type', nodes: Object.fromEntries(nodes) };
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  try {
    writeFileSync(join(folder, 'ten.json'), JSON.stringify(chain));
    const loaded = await loadChains(folder, { run });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
    return loaded.generation;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A world that only counts what is saved. */
export function countingContext() {
  const saved = { count: 0 };
  return { saved, context: { ...createTestContext(), saveTelemetry: () => saved.count++ } };
}
