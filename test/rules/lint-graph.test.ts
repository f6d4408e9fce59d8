import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GraphNode } from '../../src/rules/chain-graph.ts';
import { findCycles, unreachableNodes } from '../../src/rules/lint-graph.ts';

function graph(edges: Record<string, readonly string[]>): Map<string, GraphNode> {
  return new Map(
    Object.entries(edges).map(([name, targets]) => [
      name,
      { name, kind: 'k', config: {}, at: `/nodes/${name}`, edges: targets.map((to) => ({ label: 'x', to, at: '' })) },
    ]),
  );
}

/** The judge: a graph without cycles can be emptied by taking away nodes that nothing leads to (Kahn). */
function hasCycle(edges: Record<string, readonly string[]>): boolean {
  const left = new Set(Object.keys(edges));
  for (let removed = true; removed; ) {
    removed = false;
    for (const name of left) {
      if ([...left].some((other) => edges[other]?.includes(name))) continue;
      left.delete(name);
      removed = true;
    }
  }
  return left.size > 0;
}

describe('findCycles', () => {
  it('names every node of a cycle, in the order messages go round', () => {
    expect(findCycles(graph({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] }))).toEqual([['b', 'c', 'd']]);
  });

  it('finds an edge from a node to itself', () => {
    expect(findCycles(graph({ a: ['a'] }))).toEqual([['a']]);
  });

  it('takes two ways to one node for no cycle', () => {
    expect(findCycles(graph({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toEqual([]);
  });

  it('names two separate cycles', () => {
    expect(findCycles(graph({ a: ['b', 'c'], b: ['a'], c: ['d'], d: ['c'] }))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('walks a chain of 20,000 nodes', () => {
    const edges = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`n${at}`, [`n${(at + 1) % 20_000}`]]));
    expect(findCycles(graph(edges))[0]).toHaveLength(20_000);
  });

  it('finds a cycle in any graph that has one, only real ones, and none in a graph without', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const edgesOf = fc.record(
      Object.fromEntries(names.map((name) => [name, fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 })])),
    );
    fc.assert(
      fc.property(edgesOf, (edges) => {
        const cycles = findCycles(graph(edges));
        expect(cycles.length > 0).toBe(hasCycle(edges));
        for (const cycle of cycles) {
          for (const [at, name] of cycle.entries()) expect(edges[name]).toContain(cycle[(at + 1) % cycle.length]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('unreachableNodes', () => {
  it('names nodes without a way from the first, also those that lead to each other', () => {
    expect(unreachableNodes('a', graph({ a: ['b'], b: [], c: ['d'], d: ['c', 'b'] }))).toEqual(['c', 'd']);
  });
});
