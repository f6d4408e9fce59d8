import { chainToMermaid, type GraphCounts, loadChains } from '../rules/index.ts';
import { chainToSvg } from '../rules/tools/index.ts';
import { apiPath, createClient, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { printJson } from './table.ts';

const DEFAULT_FOLDER = 'rule-chains';

export const graph = defineCommand({
  name: 'chain graph',
  summary: 'Draws a rule chain as Mermaid text or as an SVG picture.',
  args: '[path...]',
  flags: {
    chain: { type: 'string', value: '<name>', summary: 'which chain (the root)' },
    svg: { type: 'boolean', summary: 'SVG instead of Mermaid' },
    counters: { type: 'boolean', summary: 'with the messages that a running instance counted per node and edge' },
    ...urlFlag,
  },
  notes: `Paths are chain files or folders; without one, ${DEFAULT_FOLDER}/. Only --counters talks to an instance.`,
  examples: [
    'gridmoor chain graph rule-chains --chain onboarding',
    'gridmoor chain graph --svg --counters > chain.svg',
  ],
  async run({ json, chain, svg, counters, url }, paths, io) {
    if (url !== undefined && !counters) throw new UsageError('--url goes with --counters.');
    const loaded = await loadChains(resolveAll(io, paths, DEFAULT_FOLDER));
    if (!loaded.ok) return printIssues(io, loaded.issues, { json, strict: false, what: 'rule chains' });
    const { graphs, root } = loaded.generation;
    const found = graphs.get(chain ?? root.name);
    if (!found) {
      throw new CommandFailure(EXIT.findings, `There is no chain "${chain}". Known: ${[...graphs.keys()].join(', ')}.`);
    }
    const counts = counters ? await countsOf(io, url, found.name) : undefined;
    const text = svg ? chainToSvg(found, counts) : chainToMermaid(found, counts);
    if (json) printJson(io, { chain: found.name, [svg ? 'svg' : 'mermaid']: text });
    else io.stdout.write(text);
    return EXIT.fine;
  },
});

interface Counters {
  readonly nodes: readonly {
    readonly node: string;
    readonly in: number;
    readonly deadLettered: number;
    readonly edges: Readonly<Record<string, number>>;
  }[];
}

async function countsOf(io: Io, url: string | undefined, chain: string): Promise<GraphCounts> {
  const { nodes } = await createClient(io, url).get<Counters>(apiPath`/api/gridmoor/chains/${chain}/counters`);
  return new Map(nodes.map(({ node, ...counts }) => [node, counts]));
}
