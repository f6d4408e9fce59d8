import type { ChainGraph, NodeLayout } from '../chain-graph.ts';

const LEFT = 300;
const TOP = 150;
const COLUMN = 260;
const ROW = 110;

/** A place on ThingsBoard's canvas for every node without one: a column for each step from the first node, rows in order. */
export function placesOf({ first, nodes }: ChainGraph): ReadonlyMap<string, NodeLayout> {
  const columns = new Map<string, number>();
  let reached = first === null ? [] : [first];
  for (let column = 0; reached.length > 0; column++) {
    for (const name of reached) columns.set(name, column);
    const next = reached.flatMap((name) => (nodes.get(name)?.edges ?? []).map((edge) => edge.to));
    reached = [...new Set(next)].filter((name) => nodes.has(name) && !columns.has(name));
  }
  const rows = new Map<number, number>();
  return new Map(
    [...nodes.values()].map((node) => {
      const column = columns.get(node.name) ?? 0;
      const row = rows.get(column) ?? 0;
      if (!node.layout) rows.set(column, row + 1);
      return [node.name, node.layout ?? { x: LEFT + column * COLUMN, y: TOP + row * ROW }];
    }),
  );
}
