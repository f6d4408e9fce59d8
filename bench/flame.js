#!/usr/bin/env node
/**
 * Flame graphs of gridmoor's main thread under load: docs/performance/flame-SCENARIO.svg, and the functions that take most to the
 * standard output. Exit code: 0 done, 1 a run failed, 2 wrong usage.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bench } from './bench.js';
import { flameGraph, framesOf } from './flame/graph.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { SCENARIO_NAMES, SCENARIOS } from './scenarios.js';
import { gridmoor, gridmoorRedis } from './targets/gridmoor.js';

const USUAL = 'qos1,qos1-window1,half-load,provision,redis:qos1,redis:half-load';
const HELP = `Usage: node bench/flame.js [--scenario ${USUAL}] [--seconds 5]

Draws where the time of gridmoor's main thread goes, embedded store, or Redis where the scenario has redis: before it, as
docs/performance/flame-SCENARIO.svg (hover for names, places and shares), and prints the functions that take most themselves.
`;
const REDIS = 'redis:';
const CHARTS = new URL('../docs/performance/', import.meta.url);
const PROFILER = fileURLToPath(new URL('./flame/profiler.cjs', import.meta.url));
const MOST_LISTED = 15;

/** @param {string} scenario @param {typeof gridmoor | typeof gridmoorRedis} target @param {number} seconds */
async function profileOf(scenario, target, seconds) {
  const directory = mkdtempSync(join(tmpdir(), 'gridmoor-bench-flame-'));
  const file = join(directory, 'profile.json');
  const settings = {
    NODE_OPTIONS: `--require ${PROFILER}`,
    BENCH_PROFILE: file,
    BENCH_PROFILE_MS: String(seconds * 1000),
  };
  try {
    const { runs } = await bench(
      {
        ...{ scenarios: [scenario], repeat: 1, warmupSeconds: 4, seconds: seconds + 4, messages: 1, rate: 4000 },
        ...{ connections: undefined, directory: tmpdir(), json: false, help: false },
        targets: [{ ...target, start: (place, how) => target.start(place, how, settings) }],
      },
      (line) => process.stderr.write(`${line}\n`),
    );
    const failure = runs.find(({ error }) => error)?.error;
    if (failure) throw new Error(failure);
    return JSON.parse(readFileSync(file, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Time of each function without what it called. @param {import('./flame/graph.js').Frame} all */
function ownTimes(all) {
  /** @type {Map<string, number>} */
  const own = new Map();
  const visit = (/** @type {import('./flame/graph.js').Frame} */ frame) => {
    let rest = frame.time;
    for (const callee of frame.callees.values()) {
      rest -= callee.time;
      visit(callee);
    }
    const key = `${frame.name} ${frame.place}`;
    own.set(key, (own.get(key) ?? 0) + rest);
  };
  visit(all);
  return [...own].sort((a, b) => b[1] - a[1]);
}

async function main() {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const flags = readArguments(process.argv.slice(2), { scenario: text, seconds: text, help: flag });
  if (flags.help) {
    process.stdout.write(HELP);
    return;
  }
  const scenarios = (flags.scenario ?? USUAL).split(',');
  const unknown = scenarios.find((name) => !SCENARIO_NAMES.includes(name.replace(REDIS, '')));
  if (unknown !== undefined) throw new UsageError(`--scenario does not know "${unknown}".`);
  const seconds = numberOption('seconds', flags.seconds, { fallback: 5, min: 1, max: 60 });
  for (const name of scenarios) {
    const redis = name.startsWith(REDIS);
    const scenario = redis ? name.slice(REDIS.length) : name;
    const all = framesOf(await profileOf(scenario, redis ? gridmoorRedis : gridmoor, seconds));
    const title = `gridmoor, ${redis ? 'Redis' : 'embedded store'}: ${SCENARIOS[scenario]?.title ?? scenario}`;
    writeFileSync(new URL(`flame-${name.replace(':', '-')}.svg`, CHARTS), flameGraph(title, all));
    process.stdout.write(`${title}\n`);
    for (const [name, time] of ownTimes(all).slice(0, MOST_LISTED)) {
      process.stdout.write(`${((time / all.time) * 100).toFixed(1).padStart(6)} %  ${name}\n`);
    }
  }
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  await main();
} catch (error) {
  process.stderr.write(
    error instanceof UsageError ? `${error.message}\n${HELP}` : `${/** @type {Error} */ (error).message}\n`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
