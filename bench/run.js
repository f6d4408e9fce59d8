#!/usr/bin/env node
import { bench } from './bench.js';
import { HELP, parseOptions, UsageError } from './options.js';
import { formatTables } from './report.js';

/** @param {Awaited<ReturnType<typeof bench>>} document */
function formatHeader({ machine, settings, targets }) {
  return [
    `${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}, load ${machine.loadAverage.toFixed(2)} at the start`,
    `data in ${machine.directory} on ${machine.fileSystem}`,
    `windows of ${settings.seconds} s and ${settings.messages} messages after ${settings.warmupSeconds} s, medians of ${settings.repeat}`,
    ...targets.map(
      (target) => `${target.name} ${target.version ?? `left out: ${target.missing}`} (${target.settings})`,
    ),
    '',
  ].join('\n');
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const document = await bench(options, (line) => process.stderr.write(`${line}\n`));
  const tables = `\n${formatHeader(document)}\n${formatTables(document.rows)}`;
  (options.json ? process.stderr : process.stdout).write(tables);
  if (options.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  if (document.runs.length === 0) return 1;
  return document.runs.some((run) => run.error || run.outcome?.failures || run.outcome?.problems.length) ? 1 : 0;
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nnode bench/run.js --help shows all options.\n`);
  process.exitCode = 2;
}
