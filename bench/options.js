import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { SCENARIO_NAMES, SCENARIOS } from './scenarios.js';
import { TARGETS } from './targets/index.js';

/** The others are for a whole picture: `npm run bench:page`. */
const DEFAULT_SCENARIOS = ['qos1', 'qos0', 'qos1-window1', 'qos1-rate', 'provision', 'idle', 'herd'];

/** @param {readonly string[]} names */
const wrapped = (names) =>
  names.map((name, i) => (i > 0 && i % 8 === 0 ? `\n${' '.repeat(24)}${name}` : name)).join(', ');

export const HELP = `Usage: node bench/run.js [options]

Starts gridmoor and what it is compared with one after the other, puts the same load on each, and prints what a message
costs the server: CPU microseconds (user and system, all threads, from /proc/<pid>/stat), rate, latency, memory.

  --scenario NAME,...   default: ${DEFAULT_SCENARIOS.join(', ')}; all: every one;
                        ${wrapped(SCENARIO_NAMES)}
  --target NAME,...     default: all; ${TARGETS.map((target) => target.name).join(', ')}
  --seconds N           measured window of each run (default 5)
  --warmup N            seconds of load before the window (default 1)
  --messages N          a window of telemetry at full speed lasts until so many are acknowledged, too (default 40000)
  --repeat N            runs of each scenario and target, interleaved; medians are printed (default 3)
  --connections N       connections of idle, connect, herd and push (default ${['idle', 'connect', 'herd', 'push'].map((name) => SCENARIOS[name]?.fallback).join(', ')})
  --rate N              messages a second of qos1-rate (default 4000)
  --dir PATH            where data directories are made (default: the system's temporary directory)
  --json                one JSON document on standard output, the table on standard error
  --help

Exit code: 0 done, 1 a run failed, counted failures or found problems, 2 wrong usage.
`;

/** Wrong usage of the command line; the message says what to write instead. */
export class UsageError extends Error {}

/**
 * @typedef {object} Options
 * @property {import('./scenarios.js').ScenarioName[]} scenarios
 * @property {import('./targets/index.js').Target[]} targets
 * @property {number} seconds
 * @property {number} warmupSeconds
 * @property {number} messages
 * @property {number} repeat
 * @property {number | undefined} connections
 * @property {number} rate
 * @property {string} directory
 * @property {boolean} json
 * @property {boolean} help
 */

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {{ fallback: number, min: number, max: number, whole?: boolean }} bounds
 */
export function numberOption(name, text, { fallback, min, max, whole = false }) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(`--${name} is a ${whole ? 'whole ' : ''}number from ${min} to ${max}, not "${text}".`);
  }
  return value;
}

/**
 * @template {string} T
 * @param {string} name
 * @param {string | undefined} text
 * @param {readonly T[]} known
 */
function listOption(name, text, known) {
  if (text === undefined) return [...known];
  const names = text.split(',').map((part) => part.trim());
  const unknown = names.find((part) => !known.includes(/** @type {T} */ (part)));
  if (unknown !== undefined) throw new UsageError(`--${name} knows ${known.join(', ')}, not "${unknown}".`);
  return known.filter((part) => names.includes(part));
}

/**
 * parseArgs, its complaints turned into usage errors.
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} O
 * @param {string[]} argv
 * @param {O} options
 */
export function readArguments(argv, options) {
  try {
    return parseArgs({ args: argv, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/**
 * @param {string[]} argv
 * @returns {Options}
 */
export function parseOptions(argv) {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const values = readArguments(argv, {
    scenario: text,
    target: text,
    seconds: text,
    warmup: text,
    repeat: text,
    messages: text,
    connections: text,
    rate: text,
    dir: text,
    json: flag,
    help: { ...flag, short: 'h' },
  });
  const names = listOption(
    'target',
    values.target,
    TARGETS.map((target) => target.name),
  );
  return {
    scenarios:
      values.scenario === 'all'
        ? SCENARIO_NAMES
        : listOption('scenario', values.scenario ?? DEFAULT_SCENARIOS.join(','), SCENARIO_NAMES),
    targets: TARGETS.filter((target) => names.includes(target.name)),
    seconds: numberOption('seconds', values.seconds, { fallback: 5, min: 0.5, max: 240 }),
    warmupSeconds: numberOption('warmup', values.warmup, { fallback: 1, min: 0, max: 60 }),
    messages: numberOption('messages', values.messages, { fallback: 40_000, min: 1, max: 1e8, whole: true }),
    repeat: numberOption('repeat', values.repeat, { fallback: 3, min: 1, max: 100, whole: true }),
    connections: values.connections
      ? numberOption('connections', values.connections, { fallback: 0, min: 10, max: 100_000, whole: true })
      : undefined,
    rate: numberOption('rate', values.rate, { fallback: 4000, min: 1, max: 1_000_000 }),
    directory: values.dir ?? tmpdir(),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
