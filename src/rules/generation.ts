import { createHash } from 'node:crypto';
import type { Msg } from '../model/msg.ts';
import type { Issue } from '../schema/issue.ts';
import { catalogue } from './catalogue.ts';
import { readChainFiles, readLookup } from './chain-files.ts';
import { type CheckedChain, type CompiledChain, compileChain, NodeNotCreated } from './compile.ts';
import { type CounterBook, type CounterLine, createCounterBook } from './counters.ts';
import { lintChain, lintChainSet } from './lint.ts';
import type { NodeContext } from './node-context.ts';
import type { NodeKind, NodeResult } from './node-kind.ts';
import { type ChainGraph, parseChain } from './parse.ts';
import { type RunOptions, type RunResult, resumeChain, runChain } from './run.ts';

/** One consistent set of chains. Immutable: a reload makes another one, and each message runs wholly in one. */
export interface Generation {
  /** Hash of all files it was made of, 12 hex digits. */
  readonly id: string;
  readonly root: CompiledChain;
  readonly chains: ReadonlyMap<string, CompiledChain>;
  readonly graphs: ReadonlyMap<string, ChainGraph>;
  /** Data keys whose values must be wrapped as `Secret` before `run` (see `wrapSecrets`). */
  readonly secretKeys: ReadonlySet<string>;
  /** What lint found and does not stop a load. */
  readonly warnings: readonly Issue[];
  /** Every file that was read, lookup tables too. */
  readonly files: readonly string[];
  /** Runs a message from the root chain's first node. Never throws, never rejects; a promise only when a node needs one. */
  run(msg: Msg, context: NodeContext, options?: RunOptions): RunResult | Promise<RunResult>;
  /**
   * Runs a message on from behind a node that began something in a message before. A node that this generation does not
   * have dead-letters it.
   */
  resume(
    at: { readonly chain: string; readonly node: string },
    from: { readonly msg: Msg; readonly produce: () => NodeResult },
    context: NodeContext,
  ): RunResult | Promise<RunResult>;
  /** Counts so far, per node, in file order. */
  counters(): readonly CounterLine[];
}

export type LoadResult =
  | { readonly ok: true; readonly generation: Generation }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export interface LoadOptions {
  /** Other than the catalogue's kinds, for tests. */
  readonly kinds?: readonly NodeKind[];
  /** The book of the generation before, so that counts go on. */
  readonly counters?: CounterBook;
  /** Limits of every run that brings none of its own. */
  readonly run?: Pick<RunOptions, 'limits' | 'clock'>;
}

/** Loads chains from folders and files, all or nothing. Never throws: whatever is wrong is an issue. */
export async function loadChains(paths: string | readonly string[], options: LoadOptions = {}): Promise<LoadResult> {
  const list = typeof paths === 'string' ? [paths] : paths;
  const { files, issues: fileIssues } = await readChainFiles(list);
  const issues: Issue[] = [...fileIssues];
  const graphs: ChainGraph[] = [];
  for (const file of files) {
    const parsed = parseChain(file.path, file.text);
    issues.push(...parsed.issues);
    if (parsed.graph) graphs.push(parsed.graph);
  }
  const kinds = new Map((options.kinds ?? catalogue).map((kind) => [kind.kind, kind]));
  const checked: CheckedChain[] = [];
  for (const graph of graphs) {
    const linted = lintChain(graph, kinds);
    issues.push(...linted.issues);
    if (linted.chain) checked.push(linted.chain);
  }
  // A file that cannot be read may be the missing root: one finding is enough then.
  if (graphs.length === files.length && fileIssues.length === 0) issues.push(...lintChainSet(graphs, list.join(', ')));
  const hash = createHash('sha256');
  const read = new Set<string>();
  for (const file of files) hash.update(file.path).update('\0').update(file.text).update('\0');
  const counters = options.counters ?? createCounterBook();
  const chains = new Map<string, CompiledChain>();
  for (const chain of checked) {
    const compiled = compileOne(chain, counters, issues, (path, text) => {
      if (!read.has(path)) hash.update(path).update('\0').update(text).update('\0');
      read.add(path);
    });
    if (compiled) chains.set(chain.name, compiled);
  }
  const root = chains.get(checked.find((chain) => chain.root)?.name ?? '');
  if (root === undefined || issues.some((issue) => issue.level === 'error')) return { ok: false, issues };
  const generation = createGeneration(
    {
      id: hash.digest('hex').slice(0, 12),
      root,
      chains,
      graphs: new Map(graphs.map((graph) => [graph.name, graph])),
      secretKeys: secretKeysOf(checked),
      warnings: issues,
      files: [...files.map((file) => file.path), ...read],
    },
    options.run ?? {},
  );
  return { ok: true, generation };
}

/** Everything lint finds in these folders and files, warnings too; what `loadChains` would refuse is an error here. */
export async function lintChains(
  paths: string | readonly string[],
  options: LoadOptions = {},
): Promise<readonly Issue[]> {
  const loaded = await loadChains(paths, options);
  return loaded.ok ? loaded.generation.warnings : loaded.issues;
}

function compileOne(
  chain: CheckedChain,
  counters: CounterBook,
  issues: Issue[],
  onRead: (path: string, text: string) => void,
): CompiledChain | undefined {
  try {
    return compileChain(chain, { counters, readJson: (path) => readLookup(chain.file, path, onRead) });
  } catch (error) {
    if (!(error instanceof NodeNotCreated)) throw error;
    const { node, message } = error;
    const at = `${node.at}/config`;
    issues.push({ file: chain.file, at, rule: 'node-not-created', level: 'error', problem: message });
    return undefined;
  }
}

function secretKeysOf(chains: readonly CheckedChain[]): ReadonlySet<string> {
  return new Set(
    chains.flatMap((chain) => [...chain.nodes.values()].flatMap((node) => node.kind.secretKeys(node.config))),
  );
}

function createGeneration(
  parts: Omit<Generation, 'run' | 'resume' | 'counters'>,
  defaults: Pick<RunOptions, 'limits' | 'clock'>,
): Generation {
  const first = parts.root.first;
  return {
    ...parts,
    run: (msg, context, options) => runChain(first, msg, context, options ? { ...defaults, ...options } : defaults),
    resume(at, from, context) {
      const node = parts.chains.get(at.chain)?.nodes.get(at.node);
      if (node) return resumeChain(node, from, context, defaults);
      const reason = 'the chains have changed: this node is gone';
      return { outcome: 'dead-lettered', letters: [{ ...at, reason, msg: from.msg }] };
    },
    counters: () => [...parts.chains.values()].flatMap(counterLines),
  };
}

function counterLines(chain: CompiledChain): CounterLine[] {
  return [...chain.nodes.values()].map((node) => ({
    chain: chain.name,
    node: node.name,
    kind: node.kind,
    in: node.counters.in,
    failed: node.counters.failed,
    deadLettered: node.counters.deadLettered,
    edges: Object.fromEntries([...node.counters.edges].map(([label, edge]) => [label, edge.count])),
  }));
}
