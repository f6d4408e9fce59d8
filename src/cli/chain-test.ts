import { relative } from 'node:path';
import { type ChainTestReport, runChainTests } from '../rules/index.ts';
import { type Coverage, type CoverageReport, createCoverage, toJunit, toTap } from '../rules/tools/index.ts';
import { watchFolders } from './chain-watch.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { printJson } from './table.ts';

const DEFAULT_FOLDER = 'rule-chains';

export const test = defineCommand({
  name: 'chain test',
  summary: 'Runs the *.test.json files beside rule chains, offline: no broker, no store, a clock that only tests move.',
  args: '[path...]',
  flags: {
    tap: { type: 'boolean', summary: 'print TAP' },
    junit: { type: 'boolean', summary: 'print JUnit XML' },
    coverage: { type: 'boolean', summary: 'say which nodes, edges and condition branches no case used' },
    'min-coverage': { type: 'string', value: '<percent>', summary: 'exit 1 when less was used; implies --coverage' },
    watch: { type: 'boolean', summary: 'run again when a file changes; Enter runs at once, q ends' },
  },
  notes: `Paths are test files or folders; without one, ${DEFAULT_FOLDER}/.`,
  examples: [
    'gridmoor chain test rule-chains',
    'gridmoor chain test --coverage --min-coverage 90',
    'gridmoor chain test --junit > chains.xml',
  ],
  async run(given, paths, io) {
    const least = percentOf(given['min-coverage']);
    const form = formOf(given);
    const files = resolveAll(io, paths, DEFAULT_FOLDER);
    const once = (): Promise<number> =>
      runOnce(io, files, { form, least, coverage: given.coverage || least !== undefined });
    if (!given.watch) return await once();
    if (!io.isTty) throw new UsageError('--watch is for a terminal: into a pipe or file it would never end.');
    return await watchFolders(io, files, once);
  },
});

type Form = 'text' | 'json' | 'tap' | 'junit';

interface Options {
  readonly form: Form;
  readonly coverage: boolean;
  readonly least: number | undefined;
}

function formOf(given: { readonly json: boolean; readonly tap: boolean; readonly junit: boolean }): Form {
  const forms = (['json', 'tap', 'junit'] as const).filter((form) => given[form]);
  if (forms.length > 1) throw new UsageError(`--${forms.join(' and --')} are forms of one report: give one of them.`);
  return forms[0] ?? 'text';
}

function percentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = Number(text);
  if (text.trim() !== '' && percent >= 0 && percent <= 100) return percent;
  throw new UsageError(`--min-coverage "${text}" is not a number from 0 to 100.`);
}

async function runOnce(io: Io, files: readonly string[], { form, coverage, least }: Options): Promise<number> {
  const watched: Coverage | undefined = coverage ? createCoverage() : undefined;
  const report = await runChainTests(files, watched ?? {});
  const covered = watched?.report();
  const nameOf = (file: string): string => relative(io.cwd, file);
  if (form === 'json') printJson(io, covered ? { ...report, coverage: covered } : report);
  else if (form === 'tap') io.stdout.write(toTap(report, nameOf));
  else if (form === 'junit') io.stdout.write(toJunit(report, nameOf));
  else printText(io, report, nameOf);
  // A report for a machine stays whole: what else is to be said goes beside it.
  if (covered && form !== 'json') printCoverage(form === 'text' ? io.stdout : io.stderr, covered);
  if (report.cases.length === 0 && report.issues.length === 0) {
    io.stderr.write('There is no *.test.json file: nothing was tested.\n');
    return EXIT.findings;
  }
  if (covered && least !== undefined && covered.percent < least) {
    io.stderr.write(`Coverage is ${covered.percent} %, less than ${least} %.\n`);
    return EXIT.findings;
  }
  return report.ok ? EXIT.fine : EXIT.findings;
}

function printText(io: Io, report: ChainTestReport, nameOf: (file: string) => string): void {
  for (const one of report.cases) {
    io.stdout.write(`${one.ok ? 'pass' : 'FAIL'}  ${nameOf(one.file)}: ${one.name}\n`);
    for (const difference of one.differences) io.stdout.write(`${indent(difference)}\n`);
  }
  if (report.issues.length > 0) printIssues(io, report.issues, { json: false, strict: false });
  const failed = report.cases.filter((one) => !one.ok).length;
  io.stdout.write(`${report.cases.length - failed} passed, ${failed} failed\n`);
}

function printCoverage(out: Io['stdout'], { percent, chains }: CoverageReport): void {
  for (const { chain, nodes, edges, branches } of chains) {
    const shares = [
      ['nodes', nodes],
      ['edges', edges],
      ['branches', branches],
    ] as const;
    const parts = shares.map(([what, { covered, total }]) => `${what} ${covered}/${total}`);
    out.write(`${chain}: ${parts.join(', ')}\n`);
    for (const [what, { missing }] of shares) {
      for (const name of missing) out.write(`  no case (${what}): ${name}\n`);
    }
  }
  out.write(`coverage: ${percent} %\n`);
}

const indent = (text: string): string => text.replace(/^/gm, '      ');
