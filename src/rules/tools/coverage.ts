import type { Generation } from '../generation.ts';
import type { NodeVisit } from '../node-visits.ts';
import type { TraceStep } from '../run.ts';
import { factsOf, type Leaf, leavesOf } from './condition-leaves.ts';

/** How much of something was used; `missing` names the rest, as a person would look for it. */
export interface Share {
  readonly total: number;
  readonly covered: number;
  readonly missing: readonly string[];
}

export interface ChainCoverage {
  readonly chain: string;
  readonly nodes: Share;
  readonly edges: Share;
  /** Both ways of every comparison of a condition. */
  readonly branches: Share;
}

export interface CoverageReport {
  /** Of nodes, edges and branches together; 100 when there is nothing to cover. */
  readonly percent: number;
  readonly chains: readonly ChainCoverage[];
}

/** Hears what chain tests do, and says what they never did. */
export interface Coverage {
  onLoad(generation: Generation): void;
  onVisit(visit: NodeVisit): void;
  onStep(step: TraceStep): void;
  report(): CoverageReport;
}

/** What is to be covered, and what was: points in the order of the files. */
interface Points {
  readonly nodes: Map<string, boolean>;
  readonly edges: Map<string, boolean>;
  readonly branches: Map<string, boolean>;
}

export function createCoverage(): Coverage {
  const chains = new Map<string, Points>();
  const leaves = new Map<string, readonly Leaf[]>();
  const mark = (points: Map<string, boolean> | undefined, name: string): void => {
    if (points?.has(name)) points.set(name, true);
  };
  return {
    onLoad({ graphs }) {
      for (const graph of graphs.values()) {
        const points: Points = { nodes: new Map(), edges: new Map(), branches: new Map() };
        chains.set(graph.name, points);
        for (const node of graph.nodes.values()) {
          points.nodes.set(node.name, false);
          for (const { label, to } of node.edges) points.edges.set(edgeName(node.name, label, to), false);
          const own = leavesOf(node.config);
          leaves.set(`${graph.name}\n${node.name}`, own);
          for (const leaf of own) {
            for (const way of [true, false]) points.branches.set(branchName(node.name, leaf, way), false);
          }
        }
      }
    },
    onVisit({ chain, node, msg }) {
      const points = chains.get(chain);
      mark(points?.nodes, node);
      for (const leaf of leaves.get(`${chain}\n${node}`) ?? []) {
        mark(points?.branches, branchName(node, leaf, leaf.test(factsOf(msg))));
      }
    },
    onStep(step) {
      // What comes back from a called chain goes along the edges of the node that called it.
      const { chain, node } = step.caller ?? step;
      for (const edge of step.to) mark(chains.get(chain)?.edges, edgeName(node, edge.label, edge.node));
    },
    report() {
      const list = [...chains].map(([chain, { nodes, edges, branches }]) => {
        return { chain, nodes: shareOf(nodes), edges: shareOf(edges), branches: shareOf(branches) };
      });
      const shares = list.flatMap(({ nodes, edges, branches }) => [nodes, edges, branches]);
      const total = shares.reduce((sum, share) => sum + share.total, 0);
      const covered = shares.reduce((sum, share) => sum + share.covered, 0);
      return { percent: total === 0 ? 100 : Math.floor((1000 * covered) / total) / 10, chains: list };
    },
  };
}

const edgeName = (node: string, label: string, to: string): string => `${node} > ${label} > ${to}`;
const branchName = (node: string, leaf: Leaf, way: boolean): string => `${node}: ${leaf.text} is ${way}`;

function shareOf(points: ReadonlyMap<string, boolean>): Share {
  const missing = [...points].filter(([, covered]) => !covered).map(([name]) => name);
  return { total: points.size, covered: points.size - missing.length, missing };
}
