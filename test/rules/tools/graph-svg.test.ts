import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layOut } from '../../../src/rules/tools/graph-layout.ts';
import { chainToSvg } from '../../../src/rules/tools/graph-svg.ts';
import { chainText, parseChain } from '../../helpers/chain-kit.ts';

function svgOf(text: string, counts?: Parameters<typeof chainToSvg>[1]): string {
  const { graph } = parseChain('a.json', text);
  if (!graph) throw new Error('no graph');
  return chainToSvg(graph, counts);
}

describe('chainToSvg', () => {
  it('draws every node and label of the onboarding chain, and is the same each time', () => {
    const text = readFileSync('rule-chains/onboarding.json', 'utf8');
    const svg = svgOf(text);
    const { nodes } = JSON.parse(text) as { nodes: Record<string, { to?: Record<string, string> }> };
    for (const [name, { to = {} }] of Object.entries(nodes)) {
      expect(svg).toContain(`>${name}</text>`);
      for (const label of Object.keys(to)) expect(svg).toContain(label);
    }
    expect(svgOf(text)).toBe(svg);
    expect(svg).not.toMatch(/<script|href|url\(http|NaN|undefined/);
  });

  it('shows counts at nodes and labels', () => {
    const counts = new Map([['a', { in: 7, deadLettered: 2, edges: { True: 5 } }]]);
    const svg = svgOf(chainText({ a: { to: { True: 'b', False: 'b' } }, b: {} }), counts);
    expect(svg).toContain('test/act · 7 in, 2 dead');
    expect(svg).toContain('>True 5, False<');
    expect(svg).toContain('test/act · 0 in');
  });

  it('escapes names, and leaves out characters that XML cannot hold', () => {
    const svg = svgOf(chainText({ '<b> & "q"\u0007': {} }, { name: '</title><script>' }));
    expect(svg).toContain('&lt;b&gt; &amp; &quot;q&quot;?');
    expect(svg).toContain('<title>&lt;/title&gt;&lt;script&gt;</title>');
  });
});

describe('layOut', () => {
  const graph = fc.integer({ min: 1, max: 12 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      edges: fc.array(fc.record({ from: fc.nat(count - 1), to: fc.nat(count - 1) }), { maxLength: 24 }),
    }),
  );

  it('places all nodes inside the picture, none on another, whatever the edges, cycles too', () => {
    fc.assert(
      fc.property(graph, ({ count, edges }) => {
        const nodes = Array.from({ length: count }, (_, index) => ({ id: `n${index}`, width: 40 + index, height: 20 }));
        const layout = layOut(
          nodes,
          edges.map(({ from, to }) => ({ from: `n${from}`, to: `n${to}` })),
        );
        expect(layout.edges).toHaveLength(edges.length);
        for (const node of nodes) {
          const at = layout.nodes.get(node.id);
          if (!at) throw new Error(node.id);
          expect(at.x - node.width / 2).toBeGreaterThanOrEqual(0);
          expect(at.x + node.width / 2).toBeLessThanOrEqual(layout.width);
          expect(at.y + 10).toBeLessThanOrEqual(layout.height);
          for (const other of nodes) {
            const there = layout.nodes.get(other.id);
            if (other === node || !there || there.y !== at.y) continue;
            expect(Math.abs(there.x - at.x)).toBeGreaterThanOrEqual((node.width + other.width) / 2);
          }
        }
      }),
    );
  });

  it('leads edges down when there is no cycle', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((id) => ({ id, width: 40, height: 20 }));
    const pairs = [
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'd'],
      ['d', 'c'],
      ['a', 'c'],
    ] as const;
    const layout = layOut(
      nodes,
      pairs.map(([from, to]) => ({ from, to })),
    );
    for (const [from, to] of pairs) {
      expect(layout.nodes.get(to)?.y).toBeGreaterThan(layout.nodes.get(from)?.y ?? Number.POSITIVE_INFINITY);
    }
  });
});
