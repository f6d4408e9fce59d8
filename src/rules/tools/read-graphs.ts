import type { Issue } from '../../schema/issue.ts';
import { catalogue } from '../catalogue.ts';
import { readChainFiles } from '../chain-files.ts';
import type { ChainGraph } from '../chain-graph.ts';
import { parseChains } from '../parse.ts';

/** Chains as their files say them, by name, whether they could run together or not: one of them need not be the root. */
export async function readGraphs(
  path: string,
): Promise<{ readonly graphs: ReadonlyMap<string, ChainGraph>; readonly issues: readonly Issue[] }> {
  const { files, issues } = await readChainFiles([path]);
  const parsed = parseChains(files, catalogue);
  const graphs = new Map(parsed.graphs.map((graph) => [graph.name, graph]));
  return { graphs, issues: [...issues, ...parsed.issues].filter((issue) => issue.level === 'error') };
}
