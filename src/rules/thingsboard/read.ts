import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Issue } from '../../schema/issue.ts';
import type { ChainExtras, ChainGraph, GraphEdge, GraphNode, NodeExtras, NodeLayout } from '../chain-graph.ts';
import { NodeFailure, type NodeKind, type RawConfig } from '../node-kind.ts';
import { setOwn } from '../record.ts';
import { classesOf, type SupportedClass, UNSUPPORTED_KIND } from './classes.ts';
import { modernWiring, type Wiring } from './legacy.ts';
import { uniqueNames } from './node-names.ts';
import { idText, type TbChain, type TbNode } from './shapes.ts';
import { upgradeConfiguration } from './upgrade.ts';

export interface ReadOptions {
  readonly kinds: Iterable<NodeKind>;
  /** The name of the chain with this id, among all files that are read together. */
  chainName(id: string): string | undefined;
}

export interface ReadChain {
  /** Undefined for a chain that does not run here at all. */
  readonly graph?: ChainGraph;
  readonly issues: readonly Issue[];
}

type Report = (finding: Omit<Issue, 'file'>) => void;

/** One chain of an export as a graph of our own kinds. Never throws: what cannot be carried over is an issue. */
export function readThingsBoardChain(chain: TbChain, options: ReadOptions): ReadChain {
  const { file, ruleChain, metadata, at } = chain;
  const issues: Issue[] = [];
  const report: Report = (finding) => issues.push({ file, ...finding });
  if (ruleChain.type === 'EDGE') {
    const problem = `"${ruleChain.name}" is a chain of type EDGE: it runs on ThingsBoard Edge, not on the server`;
    const hint = 'take the file away, or give the chain the type CORE';
    report({ at: `${at.ruleChain}/type`, rule: 'edge-chain', level: 'error', problem, hint });
    return { issues };
  }
  const wiring = modernWiring(chain, options.chainName);
  const names = uniqueNames(wiring.nodes);
  const edges = edgesOf(wiring, names, report);
  const chainIds = new Map<string, string>();
  const reader: Reader = { chain, options, classes: classesOf(options.kinds), chainIds, report };
  const nodes = wiring.nodes.map((node, index): GraphNode => {
    const name = names[index] ?? '';
    return { ...readNode(node, name, reader), edges: edges[index] ?? [] };
  });
  const { description, ...additionalInfo } = ruleChain.additionalInfo ?? {};
  const { notes } = metadata;
  const extras = extrasOf({
    id: idText(ruleChain.id) ?? idText(ruleChain.externalId) ?? idText(metadata.ruleChainId),
    additionalInfo: isEmpty(additionalInfo) ? undefined : additionalInfo,
    configuration: ruleChain.configuration ?? undefined,
    chainIds: chainIds.size === 0 ? undefined : Object.fromEntries(chainIds),
  } satisfies Optional<ChainExtras>);
  const graph: ChainGraph = {
    file,
    format: 'thingsboard',
    name: ruleChain.name,
    root: ruleChain.root === true,
    first: firstOf(chain, names, report),
    ...(typeof description === 'string' && description !== '' ? { description } : {}),
    nodes: new Map(nodes.map((node) => [node.name, node])),
    at: {
      name: `${at.ruleChain}/name`,
      root: `${at.ruleChain}/root`,
      first: `${at.metadata}/firstNodeIndex`,
    },
    ...(notes && notes.length > 0 ? { notes } : {}),
    ...(extras ? { thingsboard: extras } : {}),
  };
  return { graph, issues };
}

interface Reader {
  readonly chain: TbChain;
  readonly options: ReadOptions;
  readonly classes: ReadonlyMap<string, SupportedClass>;
  readonly chainIds: Map<string, string>;
  readonly report: Report;
}

function readNode(node: Wiring['nodes'][number], name: string, reader: Reader): Omit<GraphNode, 'edges'> {
  const { kind, config, queueName } = convert(node, name, reader);
  const { description, layoutX, layoutY, ...rest } = node.additionalInfo ?? {};
  const layout = layoutOf(layoutX, layoutY);
  const additionalInfo: JsonObject = layout ? rest : withPlace(rest, { layoutX, layoutY });
  const extras = extrasOf({
    name: node.name === name ? undefined : node.name,
    debugSettings: node.debugSettings ?? undefined,
    singletonMode: node.singletonMode === true ? true : undefined,
    queueName: node.queueName ?? queueName,
    additionalInfo: isEmpty(additionalInfo) ? undefined : additionalInfo,
  } satisfies Optional<NodeExtras>);
  return {
    name,
    kind,
    config,
    ...(typeof description === 'string' && description !== '' ? { description } : {}),
    ...(layout ? { layout } : {}),
    ...(extras ? { thingsboard: extras } : {}),
    at: node.at,
  };
}

interface Converted {
  readonly kind: string;
  readonly config: RawConfig;
  readonly queueName?: string;
}

function convert(node: Wiring['nodes'][number], name: string, reader: Reader): Converted {
  const { chain, options, report } = reader;
  const configuration = node.configuration ?? {};
  const version = node.configurationVersion ?? 0;
  const supported = reader.classes.get(node.type);
  if (!supported) return unsupported(node, chain);
  const target = targetOf(configuration, options.chainName);
  const unknownIds: string[] = [];
  const chainName = (id: string): string | undefined => {
    const found = id === target?.id ? target.name : options.chainName(id);
    if (found === undefined) unknownIds.push(id);
    return found;
  };
  const chainId = (): undefined => undefined;
  try {
    const given = target ? { ...configuration, ruleChainId: target.id } : configuration;
    const upgraded = upgradeConfiguration(supported.form, given, version);
    const { read } = supported.form;
    const own = read ? read(upgraded.configuration, { name: node.name, chainName, chainId }) : upgraded.configuration;
    const config = known(own, node, name, supported.kind, report);
    if (target?.name !== undefined && target.id !== target.name) reader.chainIds.set(target.name, target.id);
    return { ...upgraded, kind: supported.kind.kind, config };
  } catch (error) {
    // Said in the file: nodes that cannot be carried over are known to be there.
    if (chain.onUnsupported !== undefined && unknownIds.length === 0) return unsupported(node, chain);
    const reason = error instanceof Error ? error.message : String(error);
    const at = `${node.at}/configuration`;
    if (unknownIds.length > 0) report({ at, ...missingChain(name, unknownIds[0] ?? '') });
    else {
      const rule = error instanceof NodeFailure ? 'not-supported' : 'wrong-type';
      const hint =
        'change the node, or say "onUnsupported": "fail" at the top of the file to load it as a node that fails';
      report({ at, rule, level: 'error', problem: `node "${name}" (${simpleName(node)}): ${reason}`, hint });
    }
    return unsupported(node, chain);
  }
}

const simpleName = (node: TbNode): string => node.type.slice(node.type.lastIndexOf('.') + 1);

function missingChain(name: string, id: string): Omit<Issue, 'file' | 'at'> {
  const problem = `node "${name}" leads to the rule chain ${id === '' ? 'of no id' : id}, which is in none of these files`;
  const hint = 'put its export beside this one, or its name as "ruleChainName" beside "ruleChainId"';
  return { rule: 'missing-chain', level: 'error', problem, hint };
}

/** The chain that a node calls; a name beside the id wins, and stands for an id that is not there. */
function targetOf(
  { ruleChainId, ruleChainName }: RawConfig,
  chainName: ReadOptions['chainName'],
): { readonly id: string; readonly name: string | undefined } | undefined {
  const given = typeof ruleChainName === 'string' && ruleChainName !== '' ? ruleChainName : undefined;
  const id = idText(ruleChainId) ?? given;
  return id === undefined ? undefined : { id, name: given ?? chainName(id) };
}

/** The members that the kind knows, but for those that say nothing; with a word about the others. */
function known(configuration: RawConfig, node: { readonly at: string }, name: string, kind: NodeKind, report: Report) {
  const config: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(configuration)) {
    if (value === null) continue;
    if (Object.hasOwn(kind.fields, key)) setOwn(config, key, value);
    else if (key !== 'version') {
      const at = `${node.at}/configuration`;
      const problem = `node "${name}": "${key}" is no field of ${kind.kind} and has no effect`;
      report({ at, rule: 'unknown-field', level: 'warning', problem });
    }
  }
  return config;
}

/** The node stays, with all it said, so that an export has it again; lint tells of it. */
function unsupported(node: TbNode, { onUnsupported = 'fail' }: TbChain): Converted {
  const { type, configuration, configurationVersion } = node;
  const config = {
    class: type,
    configuration: configuration ?? {},
    configurationVersion: configurationVersion ?? 0,
    onUnsupported,
  };
  return { kind: UNSUPPORTED_KIND, config };
}

/** Edges by the index of their node. */
function edgesOf({ nodes, connections }: Wiring, names: readonly string[], report: Report): GraphEdge[][] {
  const edges = nodes.map((): GraphEdge[] => []);
  const seen = new Set<string>();
  for (const { fromIndex, toIndex, type, at } of connections) {
    const from = edges[fromIndex];
    const to = names[toIndex];
    if (from === undefined || to === undefined) {
      const wrong = from === undefined ? fromIndex : toIndex;
      const range = nodes.length === 0 ? 'there is no node' : `nodes are numbered 0 to ${nodes.length - 1}`;
      const way = `${names[fromIndex] ?? fromIndex} -> ${to ?? toIndex}`;
      const problem = `connection "${type}" (${way}) names node ${wrong}, but ${range}`;
      report({ at, rule: 'missing-node', level: 'error', problem });
      continue;
    }
    const key = `${fromIndex} ${toIndex} ${type}`;
    if (!seen.has(key)) from.push({ label: type, to, at });
    seen.add(key);
  }
  return edges;
}

function firstOf({ metadata, at }: TbChain, names: readonly string[], report: Report): string | null {
  const index = metadata.firstNodeIndex ?? null;
  if (index === null) return null;
  const first = names[index];
  if (first !== undefined) return first;
  const problem = `names node ${index}, but ${names.length === 0 ? 'there is no node' : `nodes are numbered 0 to ${names.length - 1}`}`;
  report({ at: `${at.metadata}/firstNodeIndex`, rule: 'missing-first', level: 'error', problem });
  return null;
}

function layoutOf(x: unknown, y: unknown): NodeLayout | undefined {
  return typeof x === 'number' && typeof y === 'number' ? { x, y } : undefined;
}

/** A place that is no place, as it was. */
function withPlace(info: JsonObject, place: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const kept = Object.entries(place).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return { ...info, ...Object.fromEntries(kept) };
}

type Optional<T> = { readonly [K in keyof T]: T[K] | undefined };

/** Undefined when nothing is to be kept. */
function extrasOf<T extends object>(members: Optional<T>): T | undefined {
  const kept = dropUndefined(members);
  return isEmpty(kept) ? undefined : (kept as T);
}

function dropUndefined<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
