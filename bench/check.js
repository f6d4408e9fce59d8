#!/usr/bin/env node
/**
 * Fails when a QoS 1 message costs too much CPU against bare aedes, measured in the same run, or an idle connection too
 * much memory. Exit code: 0 within both budgets, 1 above one or not measured, 2 wrong usage.
 */
import { tmpdir } from 'node:os';
import { bench } from './bench.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { TARGETS } from './targets/index.js';

const IDLE_CONNECTIONS = 5_000;

const HELP = `Usage: node bench/check.js [--max-ratio 2.0] [--max-idle-kib 25] [--seconds 3] [--repeat 3]

Measures QoS 1 telemetry against gridmoor and bare aedes, and the memory of ${IDLE_CONNECTIONS} idle connections of gridmoor. Exits with 1
when gridmoor's CPU per message is above --max-ratio times that of bare aedes, or its resident memory grows by more than
--max-idle-kib KiB a connection.
`;

/** @param {Awaited<ReturnType<typeof bench>>} document */
function gridmoorRow(document) {
  const row = document.rows.find((candidate) => candidate.target === 'gridmoor');
  if (row && row.failures === 0 && row.problems.length === 0) return row;
  process.stdout.write(`not measured: ${row?.problems[0] ?? document.targets[0]?.missing ?? 'no result'}\n`);
  return undefined;
}

/**
 * @param {string} what
 * @param {number | null | undefined} value
 * @param {number} budget
 */
function isWithin(what, value, budget) {
  if (value === null || value === undefined) return false;
  process.stdout.write(`${what}: ${value <= budget ? 'within' : 'ABOVE'} ${budget}\n`);
  return value <= budget;
}

async function main() {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  const values = readArguments(process.argv.slice(2), {
    'max-ratio': text,
    'max-idle-kib': text,
    seconds: text,
    repeat: text,
    help: flag,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const maxRatio = numberOption('max-ratio', values['max-ratio'], { fallback: 2, min: 0.1, max: 100 });
  const maxKib = numberOption('max-idle-kib', values['max-idle-kib'], { fallback: 25, min: 1, max: 1000 });
  const common = {
    seconds: numberOption('seconds', values.seconds, { fallback: 3, min: 0.5, max: 60 }),
    warmupSeconds: 1,
    repeat: numberOption('repeat', values.repeat, { fallback: 3, min: 1, max: 20, whole: true }),
    connections: undefined,
    rate: 1,
    directory: tmpdir(),
    json: false,
    help: false,
  };
  const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
  const telemetryTargets = TARGETS.filter(({ name }) => name === 'gridmoor' || name === 'aedes');
  const telemetry = gridmoorRow(await bench({ ...common, scenarios: ['qos1'], targets: telemetryTargets }, say));
  const idleTargets = TARGETS.filter((target) => target.name === 'gridmoor');
  const idleOptions = { ...common, seconds: 0.5, repeat: 1, connections: IDLE_CONNECTIONS };
  const idle = gridmoorRow(await bench({ ...idleOptions, scenarios: ['idle'], targets: idleTargets }, say));
  const ratio = telemetry?.ratio;
  const within = [
    isWithin(
      `gridmoor ${telemetry?.cpuUs?.toFixed(2)} us CPU per message, ${ratio?.toFixed(2)} x bare aedes`,
      ratio,
      maxRatio,
    ),
    isWithin(`${idle?.kibPerConnection?.toFixed(1)} KiB per idle connection`, idle?.kibPerConnection, maxKib),
  ];
  return within.every(Boolean) ? 0 : 1;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}
