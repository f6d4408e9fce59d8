import type { ChainGraph, GraphNode } from '../chain-graph.ts';
import { escapePointer } from '../json-source.ts';
import type { NodeKind } from '../node-kind.ts';
import { sameJson, withDefaults } from './json-same.ts';

/** One change of what a chain does. */
export type Change =
  | { readonly kind: 'chain-added' | 'chain-removed' }
  | { readonly kind: 'root' | 'first'; readonly from: unknown; readonly to: unknown }
  | { readonly kind: 'node-added' | 'node-removed'; readonly node: string; readonly does: string }
  | { readonly kind: 'node-renamed'; readonly node: string; readonly was: string }
  | { readonly kind: 'node-kind'; readonly node: string; readonly from: string; readonly to: string }
  /** `at`: JSON pointer below the node; undefined = not there. */
  | {
      readonly kind: 'config';
      readonly node: string;
      readonly at: string;
      readonly from: unknown;
      readonly to: unknown;
    }
  | {
      readonly kind: 'edge-added' | 'edge-removed';
      readonly node: string;
      readonly label: string;
      readonly target: string;
    };

export interface ChainDiff {
  readonly chain: string;
  readonly changes: readonly Change[];
}

type Graphs = ReadonlyMap<string, ChainGraph>;
type Kinds = ReadonlyMap<string, NodeKind>;

/**
 * What two sets of chains do differently. Names and order of files, order of nodes and members, layout, descriptions and
 * defaults that are written out make no difference; a node that only has a new name is one change.
 */
export function diffChains(before: Graphs, after: Graphs, kinds: Kinds): ChainDiff[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((chain): ChainDiff[] => {
    const old = before.get(chain);
    const now = after.get(chain);
    const changes = old && now ? diffChain(old, now, kinds) : onlyOne(old !== undefined);
    return changes.length === 0 ? [] : [{ chain, changes }];
  });
}

const onlyOne = (removed: boolean): Change[] => [{ kind: removed ? 'chain-removed' : 'chain-added' }];

function diffChain(old: ChainGraph, now: ChainGraph, kinds: Kinds): Change[] {
  const renamed = renames(old, now, kinds);
  const nameNow = (name: string): string => renamed.get(name) ?? name;
  const changes: Change[] = [];
  if (old.root !== now.root) changes.push({ kind: 'root', from: old.root, to: now.root });
  const first = old.first === null ? null : nameNow(old.first);
  if (first !== now.first) changes.push({ kind: 'first', from: old.first, to: now.first });
  for (const [was, node] of renamed) changes.push({ kind: 'node-renamed', node, was });
  const kept = new Set([...old.nodes.keys()].map(nameNow));
  for (const node of old.nodes.values()) {
    const other = now.nodes.get(nameNow(node.name));
    if (other) changes.push(...diffNode(node, other, nameNow, kinds));
    else changes.push({ kind: 'node-removed', node: node.name, does: node.kind });
  }
  for (const node of now.nodes.values()) {
    if (kept.has(node.name)) continue;
    changes.push({ kind: 'node-added', node: node.name, does: node.kind });
    for (const { label, to } of node.edges) changes.push({ kind: 'edge-added', node: node.name, label, target: to });
  }
  return changes;
}

/** Nodes that are gone, and came back under another name with the same work: each at most once. */
function renames(old: ChainGraph, now: ChainGraph, kinds: Kinds): ReadonlyMap<string, string> {
  const gone = [...old.nodes.values()].filter(({ name }) => !now.nodes.has(name));
  const come = [...now.nodes.values()].filter(({ name }) => !old.nodes.has(name));
  const pairs = new Map<string, string>();
  for (const node of gone) {
    const same = come.filter(
      (other) =>
        other.kind === node.kind &&
        ![...pairs.values()].includes(other.name) &&
        sameJson(workOf(node, kinds), workOf(other, kinds)),
    );
    const [only] = same;
    if (only && same.length === 1) pairs.set(node.name, only.name);
  }
  return pairs;
}

function diffNode(old: GraphNode, now: GraphNode, nameNow: (name: string) => string, kinds: Kinds): Change[] {
  const node = now.name;
  const changes: Change[] = [];
  if (old.kind !== now.kind) changes.push({ kind: 'node-kind', node, from: old.kind, to: now.kind });
  // Defaults of another kind would only hide what was written.
  const defaults = old.kind === now.kind ? kinds : new Map<string, NodeKind>();
  changes.push(...diffValue(workOf(old, defaults), workOf(now, defaults), '', node));
  const kind = kinds.get(now.kind);
  const before = new Map(old.edges.map(({ label, to }) => edge(labelOf(label, kind), nameNow(to))));
  const after = new Map(now.edges.map(({ label, to }) => edge(labelOf(label, kind), to)));
  for (const [key, { label, target }] of before) {
    if (!after.has(key)) changes.push({ kind: 'edge-removed', node, label, target });
  }
  for (const [key, { label, target }] of after) {
    if (!before.has(key)) changes.push({ kind: 'edge-added', node, label, target });
  }
  return changes;
}

const edge = (label: string, target: string) => [`${label}\n${target}`, { label, target }] as const;

/** Labels match whatever their case: the kind's own spelling stands for all. */
function labelOf(label: string, kind: NodeKind | undefined): string {
  const known = [...(kind?.relations ?? []), 'Failure'];
  return known.find((one) => one.toLowerCase() === label.toLowerCase()) ?? label;
}

/** All of a node that decides what it does, but for its edges. */
function workOf({ kind, config, retry, maxVisits }: GraphNode, kinds: Kinds): Readonly<Record<string, unknown>> {
  const schema = kinds.get(kind)?.schema;
  return {
    config: schema ? withDefaults(config, schema) : config,
    ...(retry ? { retry } : {}),
    ...(maxVisits === undefined ? {} : { maxVisits }),
  };
}

function diffValue(from: unknown, to: unknown, at: string, node: string): Change[] {
  if (sameJson(from, to)) return [];
  if (!isObject(from) || !isObject(to)) return [{ kind: 'config', node, at, from, to }];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys.flatMap((key) => diffValue(own(from, key), own(to, key), `${at}/${escapePointer(key)}`, node));
}

const own = (object: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
