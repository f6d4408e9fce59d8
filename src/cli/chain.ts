import { relative } from 'node:path';
import { chainToMermaid, loadChains, runChainTests } from '../rules/index.ts';
import { fmt } from './chain-fmt.ts';
import { lint } from './chain-lint.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { group } from './frame.ts';
import { CommandFailure, EXIT } from './io.ts';
import { printJson } from './table.ts';

const DEFAULT_FOLDER = 'rule-chains';

const test = defineCommand({
  name: 'chain test',
  summary: 'Runs the *.test.json files beside rule chains, offline: no broker, no store, no clock.',
  args: '[path...]',
  flags: {},
  notes: `Paths are test files or folders; without one, ${DEFAULT_FOLDER}/.`,
  examples: ['gridmoor chain test rule-chains', 'gridmoor chain test rule-chains/onboarding.test.json --json'],
  async run({ json }, paths, io) {
    const report = await runChainTests(resolveAll(io, paths, DEFAULT_FOLDER));
    if (json) {
      printJson(io, report);
      return report.ok ? EXIT.fine : EXIT.findings;
    }
    for (const one of report.cases) {
      io.stdout.write(`${one.ok ? 'pass' : 'FAIL'}  ${relative(io.cwd, one.file)}: ${one.name}\n`);
      for (const difference of one.differences) io.stdout.write(`${indent(difference)}\n`);
    }
    if (report.issues.length > 0) printIssues(io, report.issues, { json: false, strict: false });
    const failed = report.cases.filter((one) => !one.ok).length;
    const passed = report.cases.length - failed;
    io.stdout.write(`${passed} passed, ${failed} failed\n`);
    if (report.cases.length === 0 && report.issues.length === 0) {
      io.stderr.write('There is no *.test.json file: nothing was tested.\n');
      return EXIT.findings;
    }
    return report.ok ? EXIT.fine : EXIT.findings;
  },
});

const graph = defineCommand({
  name: 'chain graph',
  summary: 'Draws a rule chain as Mermaid text.',
  args: '[path...]',
  flags: { chain: { type: 'string', value: '<name>', summary: 'which chain (the root)' } },
  notes: `Paths are chain files or folders; without one, ${DEFAULT_FOLDER}/.`,
  examples: ['gridmoor chain graph rule-chains --chain onboarding'],
  async run({ json, chain }, paths, io) {
    const loaded = await loadChains(resolveAll(io, paths, DEFAULT_FOLDER));
    if (!loaded.ok) return printIssues(io, loaded.issues, { json, strict: false, what: 'rule chains' });
    const { graphs, root } = loaded.generation;
    const found = graphs.get(chain ?? root.name);
    if (!found) {
      throw new CommandFailure(EXIT.findings, `There is no chain "${chain}". Known: ${[...graphs.keys()].join(', ')}.`);
    }
    const mermaid = chainToMermaid(found);
    if (json) printJson(io, { chain: found.name, mermaid });
    else io.stdout.write(mermaid);
    return EXIT.fine;
  },
});

const indent = (text: string): string => text.replace(/^/gm, '      ');

export const run = group('chain', 'Rule chains: JSON files that say what happens to every message.', [
  lint,
  fmt,
  test,
  graph,
]);
