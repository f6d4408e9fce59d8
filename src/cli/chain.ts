import { chainToMermaid, loadChains } from '../rules/index.ts';
import { diff } from './chain-diff.ts';
import { explain } from './chain-explain.ts';
import { exportCommand } from './chain-export.ts';
import { fmt } from './chain-fmt.ts';
import { importCommand } from './chain-import.ts';
import { lint } from './chain-lint.ts';
import { test } from './chain-test.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { group } from './frame.ts';
import { CommandFailure, EXIT } from './io.ts';
import { printJson } from './table.ts';

const DEFAULT_FOLDER = 'rule-chains';

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

export const run = group('chain', 'Rule chains: JSON files that say what happens to every message.', [
  lint,
  fmt,
  test,
  explain,
  diff,
  graph,
  importCommand,
  exportCommand,
]);
