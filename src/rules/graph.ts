import type { ChainGraph } from './chain-graph.ts';

/** What a chain did so far, by node. */
export type GraphCounts = ReadonlyMap<string, NodeCounts>;

export interface NodeCounts {
  readonly in: number;
  readonly deadLettered: number;
  readonly edges: Readonly<Record<string, number>>;
}

/** The chain as Mermaid text (`flowchart`), nodes in file order, edges with their labels, and counts when there are some. */
export function chainToMermaid(graph: ChainGraph, counts?: GraphCounts): string {
  const ids = new Map([...graph.nodes.keys()].map((name, index) => [name, `n${index}`]));
  const lines = ['flowchart TD', '  start((start))'];
  for (const node of graph.nodes.values()) {
    const under = counts ? `${node.kind} · ${countText(counts.get(node.name))}` : node.kind;
    lines.push(`  ${ids.get(node.name)}["${escapeLabel(node.name)}<br/><small>${escapeLabel(under)}</small>"]`);
  }
  const first = graph.first === null ? undefined : ids.get(graph.first);
  if (first !== undefined) lines.push(`  start --> ${first}`);
  for (const node of graph.nodes.values()) {
    for (const [target, labels] of labelsByTarget(node.edges)) {
      const to = ids.get(target);
      const text = labels.map((label) => labelText(label, counts?.get(node.name))).join(', ');
      if (to !== undefined) lines.push(`  ${ids.get(node.name)} -->|"${escapeLabel(text)}"| ${to}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A label with the messages that left by it. */
export function labelText(label: string, counts: NodeCounts | undefined): string {
  const count = counts && Object.hasOwn(counts.edges, label) ? counts.edges[label] : undefined;
  return count === undefined ? label : `${label} ${count}`;
}

/** What stands at a node. */
export function countText(counts: NodeCounts | undefined): string {
  return `${counts?.in ?? 0} in${counts && counts.deadLettered > 0 ? `, ${counts.deadLettered} dead` : ''}`;
}

/** Several labels to one node share an arrow. */
function labelsByTarget(edges: readonly { readonly label: string; readonly to: string }[]): Map<string, string[]> {
  const targets = new Map<string, string[]>();
  for (const edge of edges) targets.set(edge.to, [...(targets.get(edge.to) ?? []), edge.label]);
  return targets;
}

/** Mermaid reads quotes, markup and its own entities inside a label. */
function escapeLabel(text: string): string {
  return text
    .replaceAll('#', '#35;')
    .replaceAll('&', '#amp;')
    .replaceAll('"', '#quot;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;')
    .replaceAll('\n', ' ');
}
