import type { JsonObject } from '../model/json.ts';
import type { Issue } from '../schema/issue.ts';
import { compileSchema } from '../schema/validate.ts';
import type {
  ChainExtras,
  ChainGraph,
  GraphEdge,
  GraphNode,
  NodeExtras,
  NodeLayout,
  RetryOption,
} from './chain-graph.ts';
import { CHAIN_SHAPE } from './chain-shape.ts';
import { escapePointer } from './json-source.ts';

interface NativeChain {
  readonly name: string;
  readonly root?: boolean;
  readonly first: string | null;
  readonly description?: string;
  readonly notes?: readonly JsonObject[];
  readonly thingsboard?: ChainExtras;
  readonly nodes: Readonly<Record<string, NativeNode>>;
}

interface NativeNode {
  readonly kind: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly description?: string;
  readonly retry?: RetryOption;
  readonly maxVisits?: number;
  readonly layout?: NodeLayout;
  readonly thingsboard?: NodeExtras;
  readonly to?: Readonly<Record<string, string | readonly string[]>>;
}

const checkShape = compileSchema<NativeChain>(CHAIN_SHAPE);
const AT = { name: '/name', root: '/root', first: '/first' } as const;

/** A chain in the native form; the graph is undefined when the value has another shape. */
export function readNativeChain(file: string, value: unknown): { graph?: ChainGraph; issues: readonly Issue[] } {
  const checked = checkShape(value);
  if (checked.ok) return { graph: graphOf(file, checked.value), issues: [] };
  return { issues: checked.violations.map((violation): Issue => ({ file, level: 'error', ...violation })) };
}

function graphOf(file: string, chain: NativeChain): ChainGraph {
  const nodes = new Map<string, GraphNode>();
  for (const [name, node] of Object.entries(chain.nodes)) {
    const { kind, config = {}, to = {}, ...rest } = node;
    const at = `/nodes/${escapePointer(name)}`;
    const edges = Object.entries(to).flatMap(([label, target]) => edgesOf(`${at}/to`, label, target));
    const ends = Object.entries(to).flatMap(([label, target]) => (target.length === 0 ? [label] : []));
    nodes.set(name, { name, kind, config, ...rest, at, edges, ...(ends.length > 0 ? { ends } : {}) });
  }
  const { name, root = false, first, description, notes, thingsboard } = chain;
  return {
    file,
    format: 'native',
    name,
    root,
    first,
    ...(description === undefined ? {} : { description }),
    nodes,
    at: AT,
    ...(notes ? { notes } : {}),
    ...(thingsboard ? { thingsboard } : {}),
  };
}

function edgesOf(at: string, label: string, to: string | readonly string[]): GraphEdge[] {
  const here = `${at}/${escapePointer(label)}`;
  if (typeof to === 'string') return [{ label, to, at: here }];
  return to.map((target, index) => ({ label, to: target, at: `${here}/${index}` }));
}

/** The other way: a chain in the native form, as a value to be written as JSON. */
export function nativeChain(graph: ChainGraph): Readonly<Record<string, unknown>> {
  const { name, description, root, first, notes, thingsboard } = graph;
  return {
    $schema: './chain.schema.json',
    name,
    ...(description === undefined ? {} : { description }),
    ...(root ? { root } : {}),
    ...(notes ? { notes } : {}),
    ...(thingsboard ? { thingsboard } : {}),
    first,
    nodes: Object.fromEntries([...graph.nodes.values()].map((node) => [node.name, nativeNode(node)])),
  };
}

function nativeNode({ name: _name, at: _at, edges, ends = [], config, ...node }: GraphNode): object {
  const to = edgesByLabel(edges);
  for (const label of ends) to.set(label, []);
  return {
    ...node,
    ...(Object.keys(config).length === 0 ? {} : { config }),
    ...(to.size === 0 ? {} : { to: Object.fromEntries(to) }),
  };
}

function edgesByLabel(edges: readonly GraphEdge[]): Map<string, string | string[]> {
  const labels = new Map<string, string | string[]>();
  for (const { label, to } of edges) {
    const before = labels.get(label);
    if (before === undefined) labels.set(label, to);
    else labels.set(label, [...(typeof before === 'string' ? [before] : before), to]);
  }
  return labels;
}
