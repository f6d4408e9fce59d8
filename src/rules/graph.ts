import type { ChainGraph } from './chain-graph.ts';

/** The chain as Mermaid text (`flowchart`), nodes in file order, edges with their labels. */
export function chainToMermaid(graph: ChainGraph): string {
  const ids = new Map([...graph.nodes.keys()].map((name, index) => [name, `n${index}`]));
  const lines = ['flowchart TD', '  start((start))'];
  for (const node of graph.nodes.values()) {
    lines.push(`  ${ids.get(node.name)}["${escapeLabel(node.name)}<br/><small>${escapeLabel(node.kind)}</small>"]`);
  }
  const first = graph.first === null ? undefined : ids.get(graph.first);
  if (first !== undefined) lines.push(`  start --> ${first}`);
  for (const node of graph.nodes.values()) {
    for (const [target, labels] of labelsByTarget(node.edges)) {
      const to = ids.get(target);
      if (to !== undefined) lines.push(`  ${ids.get(node.name)} -->|"${escapeLabel(labels.join(', '))}"| ${to}`);
    }
  }
  return `${lines.join('\n')}\n`;
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
    .replaceAll('"', '#quot;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;')
    .replaceAll('\n', ' ');
}
