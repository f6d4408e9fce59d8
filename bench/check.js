#!/usr/bin/env node
/**
 * Fails when gridmoor costs more than its budgets (bench/budgets.js), each against its reference in the same run. The short
 * form keeps to CPU and memory, which hold on a busy machine. Exit code: 0 all met, 1 one not met or not measured, 2 wrong usage.
 */
import { tmpdir } from 'node:os';
import { bench } from './bench.js';
import { BUDGETS, judge } from './budgets.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { TARGETS } from './targets/index.js';

const HELP = `Usage: node bench/check.js [--short | --all] [--seconds 1] [--messages 60000] [--repeat 3]

Measures what the budgets of CPU and memory are about, gridmoor beside bare aedes; with --all those of time, too (latency at half
load, provisioning, a herd of 10,000), which want a machine that does nothing else; with --short only the first of them, the CPU of
a QoS 1 message, which is steady on a busy machine. Budgets on Redis are left out where there is none.
`;

const text = /** @type {const} */ ({ type: 'string' });
const flag = /** @type {const} */ ({ type: 'boolean', default: false });

/** @param {string[]} argv */
function read(argv) {
  const values = readArguments(argv, {
    all: flag,
    short: flag,
    seconds: text,
    messages: text,
    repeat: text,
    help: flag,
  });
  if (values.all && values.short) throw new UsageError('--short and --all do not go together.');
  return {
    help: values.help,
    all: values.all,
    short: values.short,
    seconds: numberOption('seconds', values.seconds, { fallback: 1, min: 0.5, max: 60 }),
    messages: numberOption('messages', values.messages, { fallback: 60_000, min: 1, max: 1e8, whole: true }),
    repeat: numberOption('repeat', values.repeat, { fallback: 3, min: 1, max: 20, whole: true }),
  };
}

/**
 * One scenario, with all targets that its budgets ask for.
 * @param {string} scenario
 * @param {readonly import('./budgets.js').Budget[]} budgets
 * @param {ReturnType<typeof read>} asked
 */
async function measure(scenario, budgets, { seconds, messages, repeat }) {
  const names = budgets.flatMap(({ targets }) => targets);
  const steady = budgets.some((budget) => budget.steady);
  const options = {
    scenarios: [scenario],
    targets: TARGETS.filter(({ name }) => names.includes(name)),
    seconds,
    messages,
    warmupSeconds: 1,
    repeat: scenario === 'idle' || !steady ? 1 : repeat,
    connections: budgets.find(({ connections }) => connections !== undefined)?.connections,
    rate: 1,
    directory: tmpdir(),
    json: false,
    help: false,
  };
  return bench(options, (line) => process.stderr.write(`${line}\n`));
}

async function main() {
  const asked = read(process.argv.slice(2));
  if (asked.help) {
    process.stdout.write(HELP);
    return 0;
  }
  let fine = true;
  const budgets = asked.short ? BUDGETS.slice(0, 1) : BUDGETS.filter(({ steady }) => asked.all || steady);
  for (const scenario of new Set(budgets.map((budget) => budget.scenario))) {
    const mine = budgets.filter((budget) => budget.scenario === scenario);
    const { rows, targets } = await measure(scenario, mine, asked);
    for (const { target, problems } of rows) {
      for (const problem of problems) process.stdout.write(`${scenario} ${target}: ${problem}\n`);
      fine &&= problems.length === 0;
    }
    for (const budget of mine) {
      const missing = targets.find(({ name, missing }) => missing !== null && budget.targets.includes(name));
      const judged = judge(budget, rows);
      if (judged)
        process.stdout.write(
          `${judged.what}: ${judged.measured}, ${judged.met ? 'met' : 'NOT MET'}: ${judged.bound}\n`,
        );
      else
        process.stdout.write(
          `${budget.what}: not measured${missing ? `, ${missing.name} is ${missing.missing}` : ''}\n`,
        );
      fine &&= judged?.met ?? missing?.name === 'gridmoor-redis';
    }
  }
  return fine ? 0 : 1;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}
