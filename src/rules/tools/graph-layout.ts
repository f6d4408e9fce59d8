export interface LayoutNode {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

export interface LayoutEdge {
  readonly from: string;
  readonly to: string;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Centres of the nodes. */
  readonly nodes: ReadonlyMap<string, Point>;
  /** Points that each edge passes, from the lower border of its source to the upper border of its target. */
  readonly edges: readonly (readonly Point[])[];
}

const GAP_X = 28;
const GAP_Y = 64;
const MARGIN = 16;
const SWEEPS = 8;

interface Slot {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  layer: number;
  x: number;
}

/**
 * Nodes in layers from top to bottom, so that edges lead down but for those that close a cycle; within a layer in an order
 * that crosses few edges. Always the same picture for the same chain.
 */
export function layOut(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Layout {
  const layers = layersOf(nodes, edges);
  const slots = new Map<string, Slot>();
  for (const node of nodes) slots.set(node.id, { ...node, layer: layers.get(node.id) ?? 0, x: 0 });
  const chains = edges.map((edge, index) => throughLayers(edge, index, slots));
  const rows: Slot[][] = [];
  for (const slot of slots.values()) {
    const row = rows[slot.layer] ?? [];
    row.push(slot);
    rows[slot.layer] = row;
  }
  const links = chains.flatMap((ids) => ids.slice(1).map((id, at) => [ids[at] ?? '', id] as const));
  for (let sweep = 0; sweep < SWEEPS; sweep++) sortRows(rows, links, sweep % 2 === 0);
  return place(rows, slots, chains);
}

/** Longest way from a node without a predecessor; edges back up a cycle do not count. */
function layersOf(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): ReadonlyMap<string, number> {
  const targets = new Map<string, string[]>();
  for (const { from, to } of edges) targets.set(from, [...(targets.get(from) ?? []), to]);
  const layers = new Map<string, number>();
  const order: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const forward = new Set<string>();
  for (const { id } of nodes) {
    const path: { readonly id: string; next: number }[] = state.has(id) ? [] : [{ id, next: 0 }];
    if (path.length > 0) state.set(id, 'open');
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = targets.get(top.id)?.[top.next++];
      if (to === undefined) {
        state.set(top.id, 'done');
        order.push(top.id);
        path.pop();
      } else if (state.get(to) !== 'open') {
        forward.add(`${top.id}\n${to}`);
        if (!state.has(to)) {
          state.set(to, 'open');
          path.push({ id: to, next: 0 });
        }
      }
    }
  }
  for (const id of order.reverse()) {
    const layer = layers.get(id) ?? 0;
    layers.set(id, layer);
    for (const to of targets.get(id) ?? []) {
      if (forward.has(`${id}\n${to}`)) layers.set(to, Math.max(layers.get(to) ?? 0, layer + 1));
    }
  }
  return layers;
}

/** An edge over several layers gets a slot in each between: other nodes then leave it room. */
function throughLayers({ from, to }: LayoutEdge, index: number, slots: Map<string, Slot>): string[] {
  const start = slots.get(from)?.layer ?? 0;
  const end = slots.get(to)?.layer ?? 0;
  const ids = [from];
  for (let layer = start + 1; layer < end; layer++) {
    const id = `\n${index}/${layer}`;
    slots.set(id, { id, width: 8, height: 0, layer, x: 0 });
    ids.push(id);
  }
  return [...ids, to];
}

/** Orders each row by where its neighbours in the row before stand on average. */
function sortRows(rows: readonly Slot[][], links: readonly (readonly [string, string])[], down: boolean): void {
  const neighbours = new Map<string, string[]>();
  for (const [a, b] of links) {
    const [key, other] = down ? [b, a] : [a, b];
    neighbours.set(key, [...(neighbours.get(key) ?? []), other]);
  }
  const places = new Map<string, number>();
  for (const row of down ? rows : [...rows].reverse()) {
    const wish = new Map(
      row.map((slot, index) => {
        const around = (neighbours.get(slot.id) ?? []).flatMap((id) => places.get(id) ?? []);
        const mean = around.reduce((sum, at) => sum + at, 0) / around.length;
        return [slot.id, around.length > 0 ? mean : index] as const;
      }),
    );
    row.sort((a, b) => (wish.get(a.id) ?? 0) - (wish.get(b.id) ?? 0));
    row.forEach((slot, index) => {
      places.set(slot.id, index);
    });
  }
}

function place(rows: readonly Slot[][], slots: ReadonlyMap<string, Slot>, chains: readonly string[][]): Layout {
  const widths = rows.map((row) => row.reduce((sum, slot) => sum + slot.width + GAP_X, -GAP_X));
  const width = Math.max(0, ...widths) + 2 * MARGIN;
  const tops: number[] = [];
  let y = MARGIN;
  rows.forEach((row, index) => {
    const height = Math.max(0, ...row.map((slot) => slot.height));
    tops[index] = y + height / 2;
    y += height + GAP_Y;
    let x = (width - (widths[index] ?? 0)) / 2;
    for (const slot of row) {
      slot.x = x + slot.width / 2;
      x += slot.width + GAP_X;
    }
  });
  const centre = (id: string): Point => {
    const slot = slots.get(id);
    return { x: slot?.x ?? 0, y: tops[slot?.layer ?? 0] ?? 0 };
  };
  const edges = chains.map((ids) =>
    ids.map((id, index) => {
      const half = (slots.get(id)?.height ?? 0) / 2;
      const { x, y: middle } = centre(id);
      if (index === 0) return { x, y: middle + half };
      return { x, y: index === ids.length - 1 ? middle - half : middle };
    }),
  );
  const real = [...slots.keys()].filter((id) => !id.startsWith('\n'));
  return { width, height: y - GAP_Y + MARGIN, nodes: new Map(real.map((id) => [id, centre(id)])), edges };
}
