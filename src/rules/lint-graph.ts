/** The part of a node that says where it leads. */
interface Vertex {
  readonly edges: readonly { readonly to: string }[];
}

/**
 * Names of nodes that no message can reach, in file order. Edges to missing nodes lead nowhere.
 * @param sources nodes that make messages.
 */
export function unreachableNodes(
  first: string | null,
  nodes: ReadonlyMap<string, Vertex>,
  sources: readonly string[] = [],
): string[] {
  const reached = new Set<string>();
  const waiting = first === null ? [...sources] : [first, ...sources];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = nodes.get(name);
    if (node === undefined || reached.has(name)) continue;
    reached.add(name);
    for (const edge of node.edges) waiting.push(edge.to);
  }
  return [...nodes.keys()].filter((name) => !reached.has(name));
}

/**
 * One cycle per knot of the graph, as the names of its nodes in the order messages would go round. Iterative depth-first
 * search: a file may be as deep as it likes.
 */
export function findCycles(nodes: ReadonlyMap<string, Vertex>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const inCycle = new Set<string>();
  for (const start of nodes.keys()) {
    if (done.has(start)) continue;
    const path: { readonly name: string; edge: number }[] = [{ name: start, edge: 0 }];
    const onPath = new Map<string, number>([[start, 0]]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const edge = nodes.get(top.name)?.edges[top.edge++];
      if (edge === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
        continue;
      }
      const from = onPath.get(edge.to);
      if (from !== undefined) {
        const cycle = path.slice(from).map((step) => step.name);
        if (!cycle.every((name) => inCycle.has(name))) cycles.push(cycle);
        for (const name of cycle) inCycle.add(name);
      } else if (!done.has(edge.to) && nodes.has(edge.to)) {
        onPath.set(edge.to, path.length);
        path.push({ name: edge.to, edge: 0 });
      }
    }
  }
  return cycles;
}
