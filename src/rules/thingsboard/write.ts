import { chainIdOf } from '../../model/ids.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Issue } from '../../schema/issue.ts';
import { compileSchema } from '../../schema/validate.ts';
import type { ChainGraph, GraphNode, NodeLayout } from '../chain-graph.ts';
import type { NodeKind, RawConfig, ThingsBoardForm } from '../node-kind.ts';
import { placesOf } from './canvas.ts';
import { INPUT_CLASS, OUTPUT_CLASS, UNSUPPORTED_KIND } from './classes.ts';

export interface WriteOptions {
  readonly kinds: Iterable<NodeKind>;
  /** The id of a chain of this name, when an export that it came from told it. */
  chainId?(name: string): string | undefined;
}

export interface Written {
  /** Shape A, as ThingsBoard's UI exports and imports it; undefined when something cannot be carried over. */
  readonly value?: JsonObject;
  readonly issues: readonly Issue[];
}

/**
 * A chain as ThingsBoard's UI exports it, with the configurations of the newest version known here. Whatever ThingsBoard
 * has no form for is an error; then nothing is given.
 */
export function writeThingsBoardChain(graph: ChainGraph, options: WriteOptions): Written {
  const issues: Issue[] = [];
  const kinds = new Map([...options.kinds].map((kind) => [kind.kind, kind]));
  const places = placesOf(graph);
  const order = [...graph.nodes.keys()];
  const nodes = [...graph.nodes.values()].map((node) => {
    const written = formOf(node, { graph, kinds, options }, issues);
    return written && nodeOf(node, written, places.get(node.name));
  });
  const words = new Set(
    [...graph.nodes.values()].flatMap(({ kind, config }) => (kind === UNSUPPORTED_KIND ? [config.onUnsupported] : [])),
  );
  if (words.size > 1) {
    const problem = 'some unsupported nodes say "fail" and some "pass": an export has one word for all of them';
    issues.push({ file: graph.file, at: '', rule: 'not-supported', level: 'error', problem });
  }
  if (issues.length > 0) return { issues };
  const [onUnsupported] = words;
  const { description, thingsboard, notes } = graph;
  const additionalInfo = { ...(description === undefined ? {} : { description }), ...thingsboard?.additionalInfo };
  const value = {
    ruleChain: {
      additionalInfo: Object.keys(additionalInfo).length === 0 ? null : additionalInfo,
      name: graph.name,
      type: 'CORE',
      firstRuleNodeId: null,
      root: graph.root,
      debugMode: false,
      configuration: thingsboard?.configuration ?? null,
    },
    metadata: {
      firstNodeIndex: graph.first === null ? null : order.indexOf(graph.first),
      nodes,
      connections: connectionsOf(graph, order),
      ruleChainConnections: null,
      ...(notes ? { notes } : {}),
    },
    ...(onUnsupported === undefined || onUnsupported === 'fail' ? {} : { onUnsupported }),
  };
  return { value: value as unknown as JsonObject, issues };
}

interface NodeForm {
  readonly type: string;
  readonly name: string;
  readonly version: number;
  readonly configuration: RawConfig;
}

interface Writer {
  readonly graph: ChainGraph;
  readonly kinds: ReadonlyMap<string, NodeKind>;
  readonly options: WriteOptions;
}

function formOf(node: GraphNode, { graph, kinds, options }: Writer, issues: Issue[]): NodeForm | undefined {
  const name = node.thingsboard?.name ?? node.name;
  const refuse = (problem: string, at = node.at): undefined => {
    const text = `node "${node.name}": ${problem}`;
    issues.push({ file: graph.file, at, rule: 'not-supported', level: 'error', problem: text });
  };
  if (node.retry) return refuse('ThingsBoard has no "retry" for single nodes', `${node.at}/retry`);
  if (node.maxVisits) return refuse('ThingsBoard lets no message go round', `${node.at}/maxVisits`);
  if (node.kind === UNSUPPORTED_KIND) {
    const { class: type, configuration, configurationVersion } = node.config;
    return {
      type: String(type),
      name,
      version: Number(configurationVersion ?? 0),
      configuration: (configuration ?? {}) as RawConfig,
    };
  }
  const kind = kinds.get(node.kind);
  const form = kind?.thingsboard;
  if (kind === undefined || form === undefined) return refuse(`ThingsBoard has no counterpart of ${node.kind}`);
  const chainId = (chain: string): string =>
    graph.thingsboard?.chainIds?.[chain] ?? options.chainId?.(chain) ?? chainIdOf(chain);
  // Defaults are ours: an export says them all.
  const checked = compileSchema<RawConfig>(kind.schema)(structuredClone(node.config));
  if (!checked.ok) {
    for (const { at, problem } of checked.violations) refuse(problem, `${node.at}/config${at}`);
    return undefined;
  }
  try {
    const configuration = configurationOf(form, checked.value, { name, chainId, chainName: () => undefined });
    if (form.type === OUTPUT_CLASS) return { ...form, name: String(node.config.label), configuration };
    if (form.type !== INPUT_CLASS) return { ...form, name, configuration };
    return { ...form, name, configuration: { ...configuration, ruleChainName: node.config.chain } };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), `${node.at}/config`);
  }
}

function configurationOf(
  form: ThingsBoardForm,
  config: RawConfig,
  node: Parameters<NonNullable<ThingsBoardForm['write']>>[1],
): RawConfig {
  const configuration = form.write ? form.write(config, node) : config;
  const members = Object.entries(configuration).filter(([, value]) => value !== undefined);
  // ThingsBoard's own mark of a node without a configuration.
  if (members.length === 0) return { version: 0 };
  // In one order, wherever the members came from: the same chain is the same text.
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function nodeOf(node: GraphNode, { type, name, version, configuration }: NodeForm, place: NodeLayout | undefined) {
  const { description, thingsboard = {} } = node;
  const { debugSettings, singletonMode, queueName } = thingsboard;
  return {
    additionalInfo: {
      ...(description === undefined ? {} : { description }),
      ...(place ? { layoutX: place.x, layoutY: place.y } : {}),
      ...thingsboard.additionalInfo,
    },
    type,
    name,
    // Ours, passed over by ThingsBoard: the way back to the same name here.
    ...(name === node.name ? {} : { key: node.name }),
    debugSettings: debugSettings ?? null,
    singletonMode: singletonMode ?? false,
    queueName: queueName ?? null,
    configurationVersion: version,
    configuration,
  };
}

/** Sorted as ThingsBoard sorts them, so that a second export is the same text. */
function connectionsOf(graph: ChainGraph, order: readonly string[]) {
  const index = new Map(order.map((name, position) => [name, position]));
  const rows = [...graph.nodes.values()].flatMap((node) =>
    node.edges.map(({ label, to }) => ({
      fromIndex: index.get(node.name) ?? 0,
      toIndex: index.get(to) ?? 0,
      type: label,
    })),
  );
  return rows.sort(
    (a, b) => a.fromIndex - b.fromIndex || a.toIndex - b.toIndex || (a.type < b.type ? -1 : a.type > b.type ? 1 : 0),
  );
}
