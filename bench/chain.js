#!/usr/bin/env node
/**
 * What rule chains cost, without sockets and store: ten nodes, a condition, scripts, and the trace ring that is always
 * on; each beside something else that does the same work, in the same run.
 * Exit code: 0 within budget, 1 over it or not measured, 2 wrong usage.
 */
import { Engine } from 'json-rules-engine';
import { ExplainRing } from '../dist/device-api/explain-ring.js';
import { systemClock } from '../dist/model/clock.js';
import { compileCondition } from '../dist/rules/conditions.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { measure, measureRounds, median } from './rules/measure.js';
import { measureNodeRed } from './rules/node-red.js';
import { scriptWorks } from './rules/scripts.js';
import { band, countingContext, loadTenNodes, MESSAGE } from './rules/ten-nodes.js';

const BUDGET_NS = { chain: 5_000, condition: 1_000, script: 5_000 };
/** Share of a message in the broker, of which this is the least: bench/run.js finds 14 us for one of QoS 1 and a chain of two nodes. */
const RING_BUDGET = 0.05;
const MESSAGE_NS = 12_000;
/** As the broker has them when nothing else is set. */
const RING = { keep: 1_000, sampleEvery: 1_000 };

const HELP = `Usage: node bench/chain.js [--times 400000] [--rounds 100] [--node-red] [--json]

CPU time of a chain of ten nodes, a condition and scripts, and of the trace ring: a chain with it against one without it.
--node-red also runs the ten nodes as a flow of Node-RED, which is installed into a cache folder for that.
`;

/**
 * @typedef {object} Row
 * @property {string} what
 * @property {number} ns
 * @property {number | undefined} budgetNs
 * @property {string} beside
 * @property {number} besideNs
 * @property {boolean} ok
 */

/** @param {{ times: number, rounds: number }} options @returns {Promise<Row[]>} */
async function chainRows(options) {
  const { saved, context } = countingContext();
  const generation = await loadTenNodes({ splitAtAck: true });
  const traced = await loadTenNodes({ splitAtAck: true, keepPath: true });
  const ring = new ExplainRing(RING, systemClock);
  // The same nodes called by hand: what the engine itself adds is the difference.
  const running = [...generation.root.nodes.values()].map((node) => node.running);
  const plain = () => {
    if (generation.run(MESSAGE, context).outcome !== 'processed') throw new Error('the chain failed');
  };
  const byHand = () => {
    let current = MESSAGE;
    for (const node of running) current = node.onMsg(current, context).msg;
  };
  const withRing = () => {
    const began = ring.begin(MESSAGE.originator.id);
    const trace = began && { trace: (step) => began.steps.push(step) };
    const result = traced.run(MESSAGE, context, trace);
    ring.end(MESSAGE, result, { generation: traced.id, traced: began, context });
  };
  const ns = await measure({ plain, byHand }, options);
  const pairs = await measureRounds({ plain, withRing }, options);
  if (saved.count === 0) throw new Error('nothing was saved');
  const added = median(pairs.plain.map((before, round) => pairs.withRing[round] - before));
  const share = added / MESSAGE_NS;
  const what = `the same and the trace ring (${percent(share)} of a message)`;
  const ringRow = row(what, median(pairs.withRing), undefined, {
    beside: 'without the ring',
    besideNs: median(pairs.plain),
  });
  return [
    row('ten nodes', ns.plain, BUDGET_NS.chain, { beside: 'the same nodes called by hand', besideNs: ns.byHand }),
    { ...ringRow, ok: share <= RING_BUDGET },
  ];
}

/** @param {{ times: number, rounds: number }} options */
async function conditionRow(options) {
  const conditions = band('voltage', 207, 253);
  const compiled = compileCondition(conditions);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
  const { data: msg, metadata, type: msgType, originator } = MESSAGE;
  const facts = { msg, metadata, msgType, originator };
  const engine = new Engine([{ conditions, event: { type: 'in band' } }]);
  const ns = await measure({ ours: () => void compiled.test(facts) }, options);
  const theirs = await measure(
    {
      async engine() {
        const { events } = await engine.run({ msg });
        if (events.length !== 1) throw new Error('json-rules-engine says otherwise');
      },
    },
    { ...options, times: Math.ceil(options.times / 20) },
  );
  return row('condition of two leaves', ns.ours, BUDGET_NS.condition, {
    beside: 'json-rules-engine',
    besideNs: theirs.engine,
  });
}

/** @param {{ times: number, rounds: number }} options */
async function scriptRows(options) {
  /** @type {Row[]} */
  const rows = [];
  for (const { name, ours, plain } of scriptWorks()) {
    const ns = await measure({ ours, plain }, options);
    rows.push(row(name, ns.ours, BUDGET_NS.script, { beside: 'plain JavaScript in a realm', besideNs: ns.plain }));
  }
  return rows;
}

/** @returns {Row} */
function row(what, ns, budgetNs, { beside, besideNs }) {
  return {
    what,
    ns: Math.round(ns),
    budgetNs,
    beside,
    besideNs: Math.round(besideNs),
    ok: budgetNs === undefined || ns <= budgetNs,
  };
}

const percent = (share) => `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;

/** @param {readonly Row[]} rows */
function format(rows) {
  const lines = rows.map(({ what, ns, budgetNs, beside, besideNs, ok }) => [
    what,
    String(ns),
    budgetNs === undefined ? '' : String(budgetNs),
    beside,
    String(besideNs),
    ok ? '' : 'OVER BUDGET',
  ]);
  const all = [['what', 'CPU ns', 'budget', 'beside', 'CPU ns', ''], ...lines];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((line) => (line[column] ?? '').length)));
  const isText = (/** @type {number} */ column) => column === 0 || column === 3;
  const cell = (/** @type {string} */ text, /** @type {number} */ column) =>
    isText(column) ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return `${all.map((line) => line.map(cell).join('  ').trimEnd()).join('\n')}\n`;
}

async function main() {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  const values = readArguments(process.argv.slice(2), {
    times: text,
    rounds: text,
    'node-red': flag,
    json: flag,
    help: flag,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const whole = { min: 1, max: 100_000_000, whole: true };
  const options = {
    times: numberOption('times', values.times, { ...whole, fallback: 400_000 }),
    rounds: numberOption('rounds', values.rounds, { ...whole, fallback: 100 }),
  };
  const rows = [...(await chainRows(options)), await conditionRow(options), ...(await scriptRows(options))];
  if (values['node-red']) {
    const flow = measureNodeRed(Math.ceil(options.times / 20));
    const beside = `the flow in Node-RED ${flow.version}`;
    rows.splice(1, 0, row('ten nodes', rows[0].ns, BUDGET_NS.chain, { beside, besideNs: flow.cpuNsPerMessage }));
  }
  process.stdout.write(values.json ? `${JSON.stringify({ ...options, rows }, null, 2)}\n` : format(rows));
  return rows.every(({ ok }) => ok) ? 0 : 1;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}
