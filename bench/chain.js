// Cost of one message through a chain of ten nodes without I/O, beside a bare loop over the same functions.
// Usage: node bench/chain.js [messages]   (needs `npm run build`)
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestContext, loadChains } from '../dist/rules/index.js';

const BUDGET_NS = 5_000;
const messages = Number(process.argv[2] ?? 500_000);

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

function band(key, low, high) {
  const leaf = (operator, value) => ({ fact: 'msg', path: `$.${key}`, operator, value });
  return { all: [leaf('greaterThanInclusive', low), leaf('lessThanInclusive', high)] };
}

function chain() {
  const nodes = NODES.map(([name, node, label], index) => {
    const next = NODES[index + 1]?.[0];
    return [name, next ? { ...node, to: { [label]: next } } : node];
  });
  return { name: 'ten', root: true, first: 'type', nodes: Object.fromEntries(nodes) };
}

async function load() {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-bench-'));
  try {
    writeFileSync(join(folder, 'ten.json'), JSON.stringify(chain()));
    const loaded = await loadChains(folder);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
    return loaded.generation;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const generation = await load();
let saved = 0;
const context = { ...createTestContext(), saveTelemetry: () => saved++ };
const msg = {
  id: 'm',
  ts: 1,
  type: 'POST_TELEMETRY_REQUEST',
  originator: createTestContext().originator('meter-1'),
  metadata: { deviceName: 'meter-1', deviceType: 'smart-meter', ts: '1750000000000' },
  data: { power: 230, voltage: 231.4, debug_heap: 812 },
};

/** The same nodes called by hand: what the engine itself adds is the difference. */
const running = [...generation.root.nodes.values()].map((node) => node.running);
function bare() {
  let current = msg;
  for (const node of running) current = node.onMsg(current, context).msg;
}

function measure(work) {
  const began = process.cpuUsage();
  for (let index = 0; index < messages; index++) work();
  const used = process.cpuUsage(began);
  return ((used.user + used.system) * 1000) / messages;
}

const chainRun = () => {
  if (generation.run(msg, context).outcome !== 'processed') throw new Error('the chain failed');
};
measure(chainRun);
measure(bare);
const runs = [0, 1, 2].map(() => [measure(chainRun), measure(bare)]);
const chainNs = Math.min(...runs.map(([ns]) => ns));
const bareNs = Math.min(...runs.map(([, ns]) => ns));
if (saved === 0) throw new Error('nothing was saved');
const ok = chainNs <= BUDGET_NS;
console.log(
  JSON.stringify({
    bench: 'chain',
    nodes: NODES.length,
    messages,
    cpuNsPerMessage: Math.round(chainNs),
    bareCallsNs: Math.round(bareNs),
    budgetNs: BUDGET_NS,
    ok,
  }),
);
process.exitCode = ok ? 0 : 1;
