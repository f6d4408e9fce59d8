#!/usr/bin/env node
/**
 * Whether the time of a refusal tells how near a guess was: secrets that share nothing, half or all but one character
 * with a real one, and unknown names against wrong passwords. Welch's t-test over interleaved samples.
 * Exit code: 0 nothing is told apart, 1 something is or a run failed, 2 wrong usage.
 */
import { numberOption, readArguments, UsageError } from './options.js';
import { measureInProcess } from './timing/in-process.js';
import { measureOverSocket } from './timing/over-socket.js';
import { MATTERS_NS, SIGNIFICANT_T } from './timing/welch.js';

const HELP = `Usage: node bench/timing.js [--samples 20000] [--socket-samples 3000] [--json]

Times the refusals of wrong access tokens, passwords, provision secrets, supplier keys and API keys, in process and over
the socket, each class against the first of its group. Told apart: Welch's |t| above ${SIGNIFICANT_T} and means more than
${MATTERS_NS / 1000} us apart. 0 samples skip a part.
`;

/** @typedef {{ where: string, name: string, classes: import('./timing/welch.js').Compared[] }} Group */

/** @param {readonly Group[]} groups */
function format(groups) {
  const rows = groups.flatMap(({ where, name, classes }) =>
    classes.map((each, index) => [
      index === 0 ? `${name} (${where})` : '',
      each.name,
      String(each.samples),
      (each.medianNs / 1000).toFixed(2),
      (each.meanNs / 1000).toFixed(2),
      each.differenceNs === null ? '' : (each.differenceNs / 1000).toFixed(2),
      each.t === null ? '' : each.t.toFixed(2),
      each.toldApart ? 'TOLD APART' : '',
    ]),
  );
  const all = [['secret', 'guess', 'samples', 'median us', 'mean us', 'difference us', 't', ''], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (/** @type {readonly string[]} */ row) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)));
  return `${all.map((row) => line(row).join('  ').trimEnd()).join('\n')}\n`;
}

async function main() {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  const values = readArguments(process.argv.slice(2), {
    samples: text,
    'socket-samples': text,
    json: flag,
    help: flag,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const count = (/** @type {string} */ name, /** @type {string | undefined} */ value, /** @type {number} */ fallback) =>
    numberOption(name, value, { fallback, min: 0, max: 10_000_000, whole: true });
  const samples = count('samples', values.samples, 20_000);
  const socketSamples = count('socket-samples', values['socket-samples'], 3_000);
  const progress = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
  /** @type {Group[]} */
  const groups = [
    ...(samples > 0 ? await measureInProcess(samples, progress) : []),
    ...(socketSamples > 0 ? await measureOverSocket(socketSamples, progress) : []),
  ];
  const document = { samples, socketSamples, significantT: SIGNIFICANT_T, mattersNs: MATTERS_NS, groups };
  process.stdout.write(values.json ? `${JSON.stringify(document, null, 2)}\n` : format(groups));
  return groups.some(({ classes }) => classes.some(({ toldApart }) => toldApart)) ? 1 : 0;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}
