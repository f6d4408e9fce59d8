#!/usr/bin/env node
/**
 * One run of everything that docs/performance.md shows, written to bench/results.json after each part: what stands there
 * when a run is broken off is whole. bench/page.js makes the page of it. `--only half-load` measures the part with that scenario anew,
 * with all its targets, on the same machine, and leaves the others as they are; the page says so.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bench } from './bench.js';
import { describeMachine, measureDisk } from './machine.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { SCENARIO_NAMES } from './scenarios.js';
import { TARGETS } from './targets/index.js';
import { orExit } from './usage.js';

const RESULTS = new URL('./results.json', import.meta.url);
const REGISTERED = fileURLToPath(new URL('./registered.js', import.meta.url));

const OURS = ['gridmoor', 'gridmoor-redis'];
const PLAIN = [...OURS, 'aedes', 'mosquitto'];
const BROKERS = [...PLAIN, 'rabbitmq', 'nats'];
const STORING = [...OURS, 'aedes', 'mosquitto-consumer', 'node-red'];
const named = (/** @type {RegExp} */ pattern) => SCENARIO_NAMES.filter((name) => pattern.test(name));

/**
 * Parts of the run: the ones most looked at first.
 * @type {{ scenarios: string[], targets?: string[], connections?: number, atLeast?: number, repeat?: number, registered?: true }[]}
 */
const PARTS = [
  { scenarios: ['qos1'] },
  { scenarios: ['qos1-window1'] },
  { scenarios: ['qos0'], targets: BROKERS },
  // What has `atLeast` seconds: a process that is still compiling itself, or one stall of the disk, would be all that one shows.
  { scenarios: ['half-load', 'half-load-memory', 'qos1-rate'], targets: PLAIN, atLeast: 5, repeat: 3 },
  { scenarios: ['qos1-sparse'], targets: [...STORING, 'mosquitto'], atLeast: 5, repeat: 3 },
  { scenarios: named(/^stored-/), targets: STORING },
  { scenarios: named(/^values-/), targets: STORING },
  { scenarios: named(/^chain-/), targets: OURS },
  { scenarios: ['provision'], atLeast: 3, repeat: 3 },
  { scenarios: named(/^(qos1|qos1-window1)-(1|1000)$/), targets: [...PLAIN, 'mosquitto-consumer', 'node-red'] },
  { scenarios: named(/^qos0-(1|1000)$/), targets: PLAIN },
  { scenarios: ['rpc'], targets: BROKERS },
  { scenarios: named(/^history-/), targets: OURS },
  { scenarios: ['idle'], targets: BROKERS, connections: 10_000 },
  { scenarios: [], registered: true },
  { scenarios: ['connect', 'herd'], targets: PLAIN, connections: 5000 },
  { scenarios: ['push'], targets: PLAIN },
  { scenarios: named(/^(qos1|qos1-window1|qos0)-10000$/), targets: PLAIN },
];

const { kept, parts, seconds, messages, counts } = orExit(() => {
  const text = /** @type {const} */ ({ type: 'string' });
  const given = readArguments(process.argv.slice(2), { seconds: text, messages: text, counts: text, only: text });
  const parts = PARTS.filter(({ scenarios }) => given.only === undefined || scenarios.includes(given.only));
  const known = PARTS.flatMap(({ scenarios }) => scenarios);
  if (parts.length === 0) throw new UsageError(`--only knows ${known.join(', ')}; not "${given.only}".`);
  if (given.only !== undefined && (given.seconds ?? given.messages) !== undefined)
    throw new UsageError('--only measures as long as the rest was measured: leave out --seconds and --messages.');
  const seconds = numberOption('seconds', given.seconds, { fallback: 1, min: 0.5, max: 60 });
  const messages = numberOption('messages', given.messages, { fallback: 30_000, min: 1, max: 1e8, whole: true });
  const kept = given.only === undefined ? undefined : keptOfThisMachine();
  return {
    kept,
    parts,
    seconds: kept?.seconds ?? seconds,
    messages: kept?.messages ?? messages,
    counts: given.counts ?? '1000,10000,100000',
  };
});

/** What stands there, for a run of one part of it: figures of two machines do not go on one page. @returns {Record<string, any>} */
function keptOfThisMachine() {
  const kept = JSON.parse(readFileSync(RESULTS, 'utf8'));
  const here = describeMachine(tmpdir());
  for (const what of /** @type {const} */ (['cpu', 'cores', 'kernel', 'node', 'fileSystem']))
    if (here[what] !== kept.machine[what])
      throw new UsageError(
        `--only: bench/results.json was measured with ${what} ${kept.machine[what]}, here it is ${here[what]}: measure everything.`,
      );
  return kept;
}

const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

/** What a message costs with so many registered devices, and a start. */
async function registered() {
  const args = [REGISTERED, '--store', 'embedded', '--counts', counts, '--repeat', '1', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const date = new Date().toISOString().slice(0, 10);
/** @type {Record<string, any>} */
const results = kept ?? { date, seconds, messages, rows: [] };
const write = () => {
  if (kept === undefined) results.loadAfter = Number((loadavg()[0] ?? 0).toFixed(2));
  writeFileSync(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
};

async function main() {
  results.disk ??= measureDisk(tmpdir());
  for (const { scenarios, targets, connections, atLeast = 0, repeat = 1, ...part } of parts) {
    if (part.registered) {
      results.registered = await registered();
      continue;
    }
    const chosen = TARGETS.filter(({ name }) => targets === undefined || targets.includes(name));
    const options = {
      scenarios,
      targets: chosen,
      seconds: Math.max(seconds, atLeast),
      warmupSeconds: Math.max(0.5, atLeast / 2),
      messages,
      repeat,
      connections,
      rate: 4000,
    };
    const document = await bench({ ...options, directory: tmpdir(), json: true, help: false }, say);
    // Where data lay is of no interest to a reader, only on what.
    const { directory: _directory, ...machine } = document.machine;
    results.machine ??= machine;
    results.targets ??= document.targets;
    const others = results.rows.filter((/** @type {any} */ row) => !scenarios.includes(row.scenario));
    results.rows = [
      ...others,
      ...document.rows.map((/** @type {any} */ row) => ({ ...row, seconds: options.seconds })),
    ];
    if (kept !== undefined) {
      const again = { date, scenarios, loadAverage: Number(machine.loadAverage.toFixed(1)) };
      const before = results.again?.filter((/** @type {any} */ part) => part.scenarios[0] !== scenarios[0]) ?? [];
      results.again = [...before, again];
    }
    write();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
  await main();
}
