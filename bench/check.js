#!/usr/bin/env node
/**
 * Fails when a QoS 1 message costs gridmoor too much CPU against bare aedes, measured in the same run.
 * Exit code: 0 within the ratio, 1 above it or not measured, 2 wrong usage.
 */
import { tmpdir } from 'node:os';
import { bench } from './bench.js';
import { numberOption, readArguments, UsageError } from './options.js';
import { TARGETS } from './targets/index.js';

const HELP = `Usage: node bench/check.js [--max-ratio 2.0] [--seconds 3] [--repeat 3]

Measures QoS 1 telemetry against gridmoor and bare aedes and exits with 1 when gridmoor's CPU per message is above
--max-ratio times that of bare aedes.
`;

async function main() {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  const values = readArguments(process.argv.slice(2), { 'max-ratio': text, seconds: text, repeat: text, help: flag });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const maxRatio = numberOption('max-ratio', values['max-ratio'], { fallback: 2, min: 0.1, max: 100 });
  const document = await bench(
    {
      scenarios: ['qos1'],
      targets: TARGETS.filter((target) => target.name !== 'mosquitto'),
      seconds: numberOption('seconds', values.seconds, { fallback: 3, min: 0.5, max: 60 }),
      warmupSeconds: 1,
      repeat: numberOption('repeat', values.repeat, { fallback: 3, min: 1, max: 20, whole: true }),
      connections: undefined,
      rate: 1,
      directory: tmpdir(),
      json: false,
      help: false,
    },
    (line) => process.stderr.write(`${line}\n`),
  );
  const row = document.rows.find((candidate) => candidate.target === 'gridmoor');
  const ratio = row?.ratio ?? null;
  if (ratio === null || !row || row.failures > 0 || row.problems.length > 0) {
    process.stdout.write(`not measured: ${row?.problems[0] ?? document.targets[0]?.missing ?? 'no result'}\n`);
    return 1;
  }
  const verdict = ratio <= maxRatio ? 'within' : 'ABOVE';
  process.stdout.write(
    `gridmoor ${row.cpuUs?.toFixed(2)} us CPU per message, ${ratio.toFixed(2)} x bare aedes: ${verdict} ${maxRatio}\n`,
  );
  return ratio <= maxRatio ? 0 : 1;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${HELP}`);
  process.exitCode = 2;
}
