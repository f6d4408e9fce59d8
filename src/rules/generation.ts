import { createHash } from 'node:crypto';
import { basename, dirname, relative, resolve } from 'node:path';
import type { Msg } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';
import type { Issue } from '../schema/issue.ts';
import { resolveSecretRef, type SecretRef, type SecretRefOptions } from '../schema/secret-ref.ts';
import { catalogue } from './catalogue.ts';
import { readChainFiles, readLookup } from './chain-files.ts';
import type { ChainGraph } from './chain-graph.ts';
import { type CheckedChain, type CompiledChain, type CompiledNode, compileChain, NodeNotCreated } from './compile.ts';
import { type CounterBook, type CounterLine, createCounterBook } from './counters.ts';
import { lintChain, lintChainSet } from './lint.ts';
import { lintCalls } from './lint-calls.ts';
import type { NodeContext } from './node-context.ts';
import type { NodeKind, NodeResult } from './node-kind.ts';
import { parseChains, withLoneRoot } from './parse.ts';
import { type RunOptions, type RunResult, resumeChain, runChain } from './run.ts';

export interface NodePlace {
  readonly chain: string;
  readonly node: string;
}

/** One consistent set of chains. Immutable: a reload makes another one, and each message runs wholly in one. */
export interface Generation {
  /** Hash of all files it was made of, 12 hex digits: the same wherever their folder is. */
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
  /** Runs a message from the first node of the root chain, or of its profile's own (`enterBy`). Never throws, never rejects; a promise only when a node needs one. */
  run(msg: Msg, context: NodeContext, options?: RunOptions): RunResult | Promise<RunResult>;
  /**
   * Runs a message on from behind a node that began something in a message before. A node that this generation does not
   * have dead-letters it.
   */
  resume(
    at: NodePlace,
    from: { readonly msg: Msg; readonly produce: () => NodeResult },
    context: NodeContext,
    options?: RunOptions,
  ): RunResult | Promise<RunResult>;
  /** Runs a message from a node on: a dead letter that is tried again. Like `resume` when there is no such node. */
  restart(at: NodePlace, msg: Msg, context: NodeContext, options?: RunOptions): RunResult | Promise<RunResult>;
  /** The chain that a profile names: by its name, or by the id that it has in ThingsBoard. */
  chainName(ref: string): string | undefined;
  /** The same, but messages of devices of these profiles enter the named chain instead of the root. */
  enterBy(chainOfProfile: ReadonlyMap<string, string>): Generation;
  /** Counts so far, per node, in file order. */
  counters(): readonly CounterLine[];
  /** Lets go of what its nodes hold open. Call when no message runs in it any more. */
  close(): Promise<void>;
}

export type LoadResult =
  | { readonly ok: true; readonly generation: Generation }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export interface LoadOptions {
  /** Other than the catalogue's kinds, for tests. */
  readonly kinds?: readonly NodeKind[];
  /** The book of the generation before, so that counts go on. */
  readonly counters?: CounterBook;
  /** Where secrets of nodes are looked up; without it the chains are only looked at, and none is needed. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder from which files of secrets are named, when the chains are looked at somewhere else than where they belong. */
  readonly secretsFrom?: string;
  /** See `NodeLoader`. */
  readonly allowedHosts?: readonly string[];
  /** Limits of every run that brings none of its own. */
  readonly run?: RunDefaults;
}

/** Events that may follow from one message, each from the chains' work on the one before: a loop has no other end. */
const MAX_EVENT_HOPS = 16;

type RunDefaults = Pick<RunOptions, 'limits' | 'clock' | 'splitAtAck' | 'keepPath'>;

/** Loads chains from folders and files, all or nothing. Never throws: whatever is wrong is an issue. */
export async function loadChains(paths: string | readonly string[], options: LoadOptions = {}): Promise<LoadResult> {
  const list = typeof paths === 'string' ? [paths] : paths;
  const { files, issues: fileIssues } = await readChainFiles(list);
  const issues: Issue[] = [...fileIssues];
  const kinds = new Map((options.kinds ?? catalogue).map((kind) => [kind.kind, kind]));
  const parsed = parseChains(files, kinds.values());
  issues.push(...parsed.issues);
  const graphs = parsed.complete ? withLoneRoot(parsed.graphs) : parsed.graphs;
  const checked: CheckedChain[] = [];
  for (const graph of graphs) {
    const linted = lintChain(graph, kinds);
    issues.push(...linted.issues);
    if (linted.chain) checked.push(linted.chain);
  }
  // A file that cannot be read may be the missing root: one finding is enough then.
  if (parsed.complete && fileIssues.length === 0) issues.push(...lintChainSet(graphs, list.join(', ')));
  issues.push(...lintCalls(checked, new Set(graphs.map(({ name }) => name))));
  const hash = createHash('sha256');
  const read = new Set<string>();
  for (const file of files) hash.update(basename(file.path)).update('\0').update(file.text).update('\0');
  const counters = options.counters ?? createCounterBook();
  const chains = new Map<string, CompiledChain>();
  for (const chain of checked) {
    const onRead = (path: string, text: string): void => {
      if (!read.has(path))
        hash
          .update(relative(dirname(chain.file), path))
          .update('\0')
          .update(text)
          .update('\0');
      read.add(path);
    };
    const compiled = compileOne(chain, { counters, chains }, options, issues, onRead);
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
  made: { readonly counters: CounterBook; readonly chains: ReadonlyMap<string, CompiledChain> },
  { env, secretsFrom, allowedHosts = [] }: LoadOptions,
  issues: Issue[],
  onRead: (path: string, text: string) => void,
): CompiledChain | undefined {
  const secretsFile = secretsFrom === undefined ? chain.file : resolve(secretsFrom, basename(chain.file));
  try {
    return compileChain(chain, {
      ...made,
      allowedHosts,
      readJson: (path) => readLookup(chain.file, path, onRead),
      warn: ({ at }, problem) => {
        issues.push({ file: chain.file, at: `${at}/config`, rule: 'ambiguous-lookup', level: 'warning', problem });
      },
      secret: (ref) => (env ? secretOf(ref, { file: secretsFile, env }) : new Secret('offline')),
    });
  } catch (error) {
    if (!(error instanceof NodeNotCreated)) throw error;
    const { node, message } = error;
    const at = `${node.at}/config`;
    issues.push({ file: chain.file, at, rule: 'node-not-created', level: 'error', problem: message });
    return undefined;
  }
}

/** @throws Error in words for the engineer. */
function secretOf(ref: SecretRef, options: SecretRefOptions): Secret {
  const resolved = resolveSecretRef(ref, options);
  if (resolved.kind === 'known') return resolved.secret;
  if (resolved.kind === 'unreadable') throw new Error(resolved.problem);
  throw new Error(`the environment variable ${resolved.variable} is not set`);
}

function secretKeysOf(chains: readonly CheckedChain[]): ReadonlySet<string> {
  return new Set(
    chains.flatMap((chain) => [...chain.nodes.values()].flatMap((node) => node.kind.secretKeys(node.config))),
  );
}

function createGeneration(
  parts: Omit<Generation, 'run' | 'resume' | 'restart' | 'chainName' | 'enterBy' | 'counters' | 'close'>,
  defaults: RunDefaults,
  entries: ReadonlyMap<string, CompiledChain> = new Map(),
): Generation {
  const entryOf = ({ originator }: Msg): CompiledChain =>
    (entries.size > 0 && originator.entityType === 'DEVICE' && entries.get(originator.profile)) || parts.root;
  const withDefaults = (options?: RunOptions): RunOptions => (options ? { ...defaults, ...options } : defaults);
  const nodeAt = (at: NodePlace) => parts.chains.get(at.chain)?.nodes.get(at.node);
  const gone = ({ chain, node }: NodePlace, msg: Msg): RunResult => {
    const reason = 'the chains have changed: this node is gone';
    return { outcome: 'dead-lettered', letters: [{ chain, node, reason, msg }] };
  };
  return {
    ...parts,
    run(msg, context, options) {
      const { first } = entryOf(msg);
      const isLoop = first !== null && (msg.hops ?? 0) > MAX_EVENT_HOPS;
      return isLoop ? cutOff(first, msg) : runChain(first, msg, context, withDefaults(options));
    },
    resume(at, from, context, options) {
      const node = nodeAt(at);
      return node ? resumeChain(node, from, context, withDefaults(options)) : gone(at, from.msg);
    },
    restart(at, msg, context, options) {
      const node = nodeAt(at);
      return node ? runChain(node, msg, context, withDefaults(options)) : gone(at, msg);
    },
    chainName(ref) {
      if (parts.graphs.has(ref)) return ref;
      return [...parts.graphs.values()].find(({ thingsboard }) => thingsboard?.id === ref)?.name;
    },
    enterBy(chainOfProfile) {
      const found = [...chainOfProfile].flatMap(([profile, name]) => {
        const chain = parts.chains.get(name);
        return chain ? [[profile, chain] as const] : [];
      });
      return createGeneration(parts, defaults, new Map(found));
    },
    counters: () => [...parts.chains.values()].flatMap(counterLines),
    async close() {
      const nodes = [...parts.chains.values()].flatMap((chain) => [...chain.nodes.values()]);
      await Promise.all(nodes.map((node) => node.running.close?.()));
    },
  };
}

function cutOff(first: CompiledNode, msg: Msg): RunResult {
  const { chain, name: node } = first;
  first.counters.deadLettered++;
  const reason = `EVENT_LIMIT: the chains raised more than ${MAX_EVENT_HOPS} events in a row, each on the way of the one before; the last is ${msg.type}`;
  return { outcome: 'dead-lettered', letters: [{ chain, node, reason, msg }] };
}

function counterLines(chain: CompiledChain): CounterLine[] {
  return [...chain.nodes.values()].map((node) => ({
    chain: chain.name,
    node: node.name,
    kind: node.kind,
    in: node.counters.in,
    failed: node.counters.failed,
    retried: node.counters.retried,
    deadLettered: node.counters.deadLettered,
    edges: Object.fromEntries([...node.counters.edges].map(([label, edge]) => [label, edge.count])),
  }));
}
