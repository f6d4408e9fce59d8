import { join, resolve } from 'node:path';
import type { Issue } from '../../schema/issue.ts';
import { catalogue } from '../catalogue.ts';
import { readChainFiles } from '../chain-files.ts';
import type { ChainGraph } from '../chain-graph.ts';
import { duplicateChains, lintChain } from '../lint.ts';
import { nativeChain } from '../native-chain.ts';
import type { NodeKind } from '../node-kind.ts';
import { parseChains, withLoneRoot } from '../parse.ts';
import { writeThingsBoardChain } from '../thingsboard/index.ts';
import { formatText } from './format.ts';

/** A chain in its new form; nothing is written yet. */
export interface ConvertedChain {
  readonly name: string;
  readonly root: boolean;
  readonly nodes: number;
  /** The file it came from. */
  readonly from: string;
  /** Name of the file it would have. */
  readonly file: string;
  readonly text: string;
}

export interface Conversion {
  /** Empty when there is an error: all chains are converted, or none. */
  readonly chains: readonly ConvertedChain[];
  readonly issues: readonly Issue[];
}

export interface ImportedChains extends Conversion {
  /** Files of the folder that are root chains when all is written: a broker loads one at most. */
  readonly roots: readonly string[];
}

/**
 * ThingsBoard's exports as native chains. `into`: the folder that they will stand in; its chains count for names, ids and
 * the root. What would not load is an error.
 */
export async function importChains(
  paths: readonly string[],
  options: { readonly into: string; readonly kinds?: readonly NodeKind[] },
): Promise<ImportedChains> {
  const kinds = options.kinds ?? catalogue;
  const { files, issues: fileIssues } = await readChainFiles(paths);
  const given = new Set(files.map(({ path }) => resolve(path)));
  const alone = parseChains(files, kinds);
  const targets = namesOf(alone.graphs.filter(({ format }) => format === 'thingsboard'));
  const replaced = new Set([...targets.values()].map((file) => resolve(options.into, file)));
  const beside = await readChainFiles([options.into]);
  const others = beside.files.filter(({ path }) => !given.has(resolve(path)) && !replaced.has(resolve(path)));
  const parsed = parseChains([...files, ...others], kinds);
  const issues = [...fileIssues, ...parsed.issues].filter(({ file }) => !others.some(({ path }) => path === file));
  const byKind = new Map(kinds.map((kind) => [kind.kind, kind]));
  const graphs = parsed.complete ? withLoneRoot(parsed.graphs) : parsed.graphs;
  const chains = graphs.flatMap((graph): ConvertedChain[] => {
    if (!given.has(resolve(graph.file))) return [];
    const file = targets.get(graph.name);
    if (file === undefined) {
      const problem = `chain "${graph.name}" is in the native form already`;
      issues.push({ file: graph.file, at: '', rule: 'not-supported', level: 'error', problem });
      return [];
    }
    const other = graphs.find((one) => one !== graph && one.name === graph.name);
    if (other) {
      const problem = `a chain named "${graph.name}" is already in ${other.file}`;
      issues.push({ file: graph.file, at: graph.at.name, rule: 'duplicate-chain', level: 'error', problem });
    }
    issues.push(...lintChain(graph, byKind).issues);
    const text = formatted(join(options.into, file), graph);
    return [{ name: graph.name, root: graph.root, nodes: graph.nodes.size, from: graph.file, file, text }];
  });
  const roots = [
    ...graphs.filter(({ root, file }) => root && !given.has(resolve(file))).map(({ file }) => file),
    ...chains.filter(({ root }) => root).map(({ file }) => join(options.into, file)),
  ];
  return { ...allOrNone(chains, issues), roots };
}

/** Chains as ThingsBoard's UI exports them. What would not load, or has no form at ThingsBoard, is an error. */
export async function exportChains(
  paths: readonly string[],
  options: { readonly kinds?: readonly NodeKind[] } = {},
): Promise<Conversion> {
  const kinds = options.kinds ?? catalogue;
  const { files, issues: fileIssues } = await readChainFiles(paths);
  const parsed = parseChains(files, kinds);
  const issues = [...fileIssues, ...parsed.issues, ...duplicateChains(parsed.graphs)];
  const byKind = new Map(kinds.map((kind) => [kind.kind, kind]));
  const ids = new Map(parsed.graphs.map(({ name, thingsboard }) => [name, thingsboard?.id]));
  const names = namesOf(parsed.graphs);
  const chains = parsed.graphs.flatMap((graph): ConvertedChain[] => {
    const wrong = lintChain(graph, byKind).issues.filter(({ level }) => level === 'error');
    issues.push(...wrong);
    if (wrong.length > 0) return [];
    const written = writeThingsBoardChain(graph, { kinds, chainId: (name) => ids.get(name) });
    issues.push(...written.issues);
    if (written.value === undefined) return [];
    const { name, root, nodes, file: from } = graph;
    const text = `${JSON.stringify(written.value, null, 2)}\n`;
    return [{ name, root, nodes: nodes.size, from, file: names.get(name) ?? '', text }];
  });
  return allOrNone(chains, issues);
}

function allOrNone(chains: readonly ConvertedChain[], issues: readonly Issue[]): Conversion {
  return { chains: issues.some(({ level }) => level === 'error') ? [] : chains, issues };
}

function formatted(file: string, graph: ChainGraph): string {
  const result = formatText(file, JSON.stringify(nativeChain(graph)));
  if (!result.ok) throw new Error(`chain "${graph.name}" was not written as JSON`);
  return result.text;
}

/** A file name for each chain: its name in small letters and digits, numbered when two would have the same. */
function namesOf(graphs: readonly ChainGraph[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const { name } of graphs) {
    if (names.has(name)) continue;
    const stem =
      name
        .normalize('NFKD')
        .toLowerCase()
        .replace(/\p{M}/gu, '')
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-+|-+$/g, '')
        .slice(0, 80) || 'chain';
    let unique = stem;
    for (let number = 2; taken.has(unique); number++) unique = `${stem}-${number}`;
    taken.add(unique);
    names.set(name, `${unique}.json`);
  }
  return names;
}
