/** What one node did so far. Plain numbers, written by the engine in its hot path and read on demand. */
export interface NodeCounters {
  in: number;
  failed: number;
  /** Tries after the first (node option `retry`). */
  retried: number;
  deadLettered: number;
  /** Messages per label, in the order first seen; only labels that have an edge. */
  readonly edges: Map<string, EdgeCounter>;
}

export interface EdgeCounter {
  count: number;
}

export interface CounterLine {
  readonly chain: string;
  readonly node: string;
  readonly kind: string;
  readonly in: number;
  readonly failed: number;
  readonly retried: number;
  readonly deadLettered: number;
  readonly edges: Readonly<Record<string, number>>;
}

/** Counters by chain and node; one book outlives generations, so that a reload does not set counts back. */
export interface CounterBook {
  node(chain: string, node: string): NodeCounters;
}

export function createCounterBook(): CounterBook {
  const chains = new Map<string, Map<string, NodeCounters>>();
  return {
    node(chain, node) {
      let nodes = chains.get(chain);
      if (!nodes) {
        nodes = new Map();
        chains.set(chain, nodes);
      }
      let counters = nodes.get(node);
      if (!counters) {
        counters = { in: 0, failed: 0, retried: 0, deadLettered: 0, edges: new Map() };
        nodes.set(node, counters);
      }
      return counters;
    },
  };
}

export function edgeCounter(counters: NodeCounters, label: string): EdgeCounter {
  let edge = counters.edges.get(label);
  if (!edge) {
    edge = { count: 0 };
    counters.edges.set(label, edge);
  }
  return edge;
}
