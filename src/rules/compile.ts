import type { RetryOption } from './chain-graph.ts';
import { type CounterBook, type EdgeCounter, edgeCounter, type NodeCounters } from './counters.ts';
import type { NodeKind, NodeLoader, RunningNode } from './node-kind.ts';

/** A chain whose kinds are known and whose configs are checked, with defaults filled in: what lint hands on. */
export interface CheckedChain {
  readonly file: string;
  readonly name: string;
  readonly root: boolean;
  /** Null: messages are accepted and end. */
  readonly first: string | null;
  readonly nodes: ReadonlyMap<string, CheckedNode>;
}

export interface CheckedNode {
  readonly name: string;
  readonly kind: NodeKind;
  readonly config: unknown;
  readonly at: string;
  readonly retry?: RetryOption;
  readonly maxVisits?: number;
  readonly edges: readonly { readonly label: string; readonly to: string }[];
}

/** A node ready to run. Edges point at nodes, not at names. */
export interface CompiledNode {
  readonly chain: string;
  readonly name: string;
  readonly kind: string;
  readonly running: RunningNode;
  readonly counters: NodeCounters;
  /** By label as written and in lower case: labels match whatever their case (thingsboard-rule-chains 4.2). */
  readonly routes: ReadonlyMap<string, Route>;
  readonly retry: RetryOption | undefined;
  readonly maxVisits: number | undefined;
  /** All chains of its generation, by name: where calls lead and come back to. */
  readonly chains: ReadonlyMap<string, CompiledChain>;
}

export interface Route {
  /** As the chain file spells it. */
  readonly label: string;
  readonly targets: readonly CompiledNode[];
  readonly counter: EdgeCounter;
  readonly isFailure: boolean;
}

export interface CompiledChain {
  readonly name: string;
  readonly first: CompiledNode | null;
  readonly nodes: ReadonlyMap<string, CompiledNode>;
}

export class NodeNotCreated extends Error {
  override readonly name = 'NodeNotCreated';
  readonly node: CheckedNode;

  constructor(node: CheckedNode, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.node = node;
  }
}

/**
 * Turns a checked chain into running nodes. `chains`: the generation's chains, which may be filled later.
 * @throws NodeNotCreated when a node refuses its config or cannot read a file it needs.
 */
export function compileChain(
  chain: CheckedChain,
  options: Pick<NodeLoader, 'readJson' | 'secret' | 'allowedHosts'> & {
    readonly counters: CounterBook;
    readonly warn?: (node: CheckedNode, problem: string) => void;
    readonly chains?: ReadonlyMap<string, CompiledChain>;
  },
): CompiledChain {
  const nodes = new Map<string, CompiledNode>();
  const { readJson, secret, allowedHosts } = options;
  const routesOf = new Map<string, Map<string, Route>>();
  const chains = options.chains ?? new Map<string, CompiledChain>();
  for (const node of chain.nodes.values()) {
    const routes = new Map<string, Route>();
    routesOf.set(node.name, routes);
    nodes.set(node.name, {
      chain: chain.name,
      name: node.name,
      kind: node.kind.kind,
      running: create(node, {
        chain: chain.name,
        node: node.name,
        readJson,
        secret,
        allowedHosts,
        warn: (problem) => options.warn?.(node, problem),
      }),
      counters: options.counters.node(chain.name, node.name),
      routes,
      retry: node.retry,
      maxVisits: node.maxVisits,
      chains,
    });
  }
  for (const node of chain.nodes.values()) {
    const compiled = nodes.get(node.name);
    const routes = routesOf.get(node.name);
    if (compiled && routes) connect(node, compiled, routes, nodes);
  }
  const first = chain.first === null ? null : nodes.get(chain.first);
  if (first === undefined) throw new Error(`chain ${chain.name} has no node ${chain.first}`);
  return { name: chain.name, first, nodes };
}

function create(node: CheckedNode, loader: NodeLoader): RunningNode {
  try {
    return node.kind.create(node.config, loader);
  } catch (cause) {
    throw new NodeNotCreated(node, cause);
  }
}

function connect(
  node: CheckedNode,
  compiled: CompiledNode,
  routes: Map<string, Route>,
  nodes: ReadonlyMap<string, CompiledNode>,
): void {
  const byLabel = new Map<string, { label: string; targets: CompiledNode[] }>();
  for (const edge of node.edges) {
    const target = nodes.get(edge.to);
    if (!target) throw new Error(`chain ${compiled.chain} has no node ${edge.to}`);
    const key = edge.label.toLowerCase();
    const group = byLabel.get(key) ?? { label: edge.label, targets: [] };
    group.targets.push(target);
    byLabel.set(key, group);
  }
  for (const [key, { label, targets }] of byLabel) {
    const route: Route = {
      label,
      targets,
      counter: edgeCounter(compiled.counters, label),
      isFailure: key === 'failure',
    };
    routes.set(key, route);
    routes.set(label, route);
    // The kind's own spelling, so that the hot path finds it at the first look.
    const own = [...node.kind.relations, 'Failure'].find((relation) => relation.toLowerCase() === key);
    if (own !== undefined) routes.set(own, route);
  }
}
