import { basename } from 'node:path';
import type { JsonObject } from '../model/json.ts';
import type { Issue } from '../schema/issue.ts';
import { nearest } from '../schema/validate.ts';
import type { ChainGraph } from './chain-graph.ts';
import { readJsonText } from './json-source.ts';
import { findUnheldNumbers } from './lint-numbers.ts';
import { readNativeChain } from './native-chain.ts';
import type { NodeKind } from './node-kind.ts';
import { chainsOf, idText, isThingsBoardExport, readThingsBoardChain, type TbChain } from './thingsboard/index.ts';

/** Largest chain file; a real one has a few kilobytes. */
export const MAX_CHAIN_BYTES = 1_048_576;

export interface ParsedChains {
  readonly graphs: readonly ChainGraph[];
  readonly issues: readonly Issue[];
  /** False when a file holds a chain that could not be looked at further. */
  readonly complete: boolean;
}

/** What a file says before other files are looked at. */
interface Source {
  readonly native?: ChainGraph;
  readonly exported?: readonly TbChain[];
  readonly rootChain?: { readonly file: string; readonly name: string };
  readonly issues: readonly Issue[];
}

/**
 * The one place that knows file formats: behind it there is only the graph. Reads files together, since ThingsBoard's
 * exports name other chains by ids, and a file may say which chain is the root. Never throws.
 */
export function parseChains(
  files: readonly { readonly path: string; readonly text: string }[],
  kinds: Iterable<NodeKind>,
): ParsedChains {
  const sources = files.map(({ path, text }) => readSource(path, text));
  const issues = sources.flatMap((source) => source.issues);
  const names = namesById(sources);
  const options = { kinds: [...kinds], chainName: (id: string) => names.get(id) };
  let complete = sources.every(({ native, exported, rootChain }) => native || exported || rootChain);
  const graphs = sources.flatMap(({ native, exported = [] }) => {
    if (native) return [native];
    return exported.flatMap((chain) => {
      const read = readThingsBoardChain(chain, options);
      issues.push(...read.issues);
      complete &&= read.graph !== undefined;
      return read.graph ? [read.graph] : [];
    });
  });
  const named = sources.flatMap(({ rootChain }) => rootChain ?? []);
  return { graphs: withRoot(graphs, named, complete, issues), issues, complete };
}

function readSource(file: string, text: string): Source {
  const issue = (rule: string, problem: string, hint?: string): Source => ({
    issues: [{ file, at: '', rule, level: 'error', problem, ...(hint ? { hint } : {}) }],
  });
  if (Buffer.byteLength(text) > MAX_CHAIN_BYTES) return issue('too-large', `is larger than ${MAX_CHAIN_BYTES} bytes`);
  const source = readJsonText(file, text);
  if (!source.ok) return { issues: source.issues };
  const { value } = source;
  const found = [...source.issues, ...findUnheldNumbers(file, source.exact)];
  if (!isObject(value)) {
    return issue('wrong-type', `a rule chain is a JSON object, not ${typeName(value)}`, 'begin with { "name": … }');
  }
  if (isRootFile(value)) {
    const name = value.rootChain;
    if (typeof name === 'string') return { rootChain: { file, name }, issues: source.issues };
    return issue('wrong-type', '"rootChain" is the name of a chain, a text');
  }
  if (isThingsBoardExport(value)) {
    const { chains, issues } = chainsOf(file, value);
    return { exported: chains, issues: [...found, ...issues] };
  }
  const { graph, issues } = readNativeChain(file, value);
  return { ...(graph ? { native: graph } : {}), issues: [...found, ...issues] };
}

/** `{ "rootChain": "…" }`: exports do not say which chain is the root, so a file beside them may. */
function isRootFile(value: JsonObject): boolean {
  return (
    Object.hasOwn(value, 'rootChain') && Object.keys(value).every((key) => key === 'rootChain' || key === '$schema')
  );
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Names of all chains by the ids that ThingsBoard gave them; in version control the file is named by it. */
function namesById(sources: readonly Source[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const add = (id: string | undefined, name: string): void => {
    if (id !== undefined && !names.has(id)) names.set(id, name);
  };
  for (const { native, exported = [] } of sources) {
    if (native) add(native.thingsboard?.id, native.name);
    for (const { file, ruleChain, metadata } of exported) {
      for (const id of [ruleChain.id, ruleChain.externalId, metadata.ruleChainId]) add(idText(id), ruleChain.name);
      const stem = basename(file, '.json');
      if (UUID.test(stem) && exported.length === 1) add(stem, ruleChain.name);
    }
  }
  return names;
}

/** Messages enter a lone export, which never says that it is the root: there is nothing else that they could enter. */
export function withLoneRoot(graphs: readonly ChainGraph[]): readonly ChainGraph[] {
  const [only] = graphs;
  return only?.format === 'thingsboard' && graphs.length === 1 ? [{ ...only, root: true }] : graphs;
}

/** The root as a file of its own names it. */
function withRoot(
  graphs: readonly ChainGraph[],
  named: readonly { readonly file: string; readonly name: string }[],
  complete: boolean,
  issues: Issue[],
): readonly ChainGraph[] {
  const [chosen, ...others] = named;
  for (const { file } of others) {
    const problem = `the root chain is named in ${chosen?.file} already`;
    issues.push({
      file,
      at: '/rootChain',
      rule: 'two-roots',
      level: 'error',
      problem,
      hint: 'remove one of the files',
    });
  }
  if (chosen === undefined) return graphs;
  const names = graphs.map((graph) => graph.name);
  if (complete && !names.includes(chosen.name)) {
    const near = nearest(chosen.name, names);
    const hint = near ? `did you mean "${near}"?` : `one of: ${names.join(', ')}`;
    const problem = `there is no chain "${chosen.name}"`;
    issues.push({ file: chosen.file, at: '/rootChain', rule: 'no-root', level: 'error', problem, hint });
  }
  return graphs.map((graph) => ({ ...graph, root: graph.name === chosen.name }));
}

function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
