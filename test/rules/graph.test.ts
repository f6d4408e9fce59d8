import { describe, expect, it } from 'vitest';
import { chainToMermaid } from '../../src/rules/graph.ts';
import { chainText, parseChain } from '../helpers/chain-kit.ts';

const mermaid = (nodes: Parameters<typeof chainText>[0]): string => {
  const { graph } = parseChain('a.json', chainText(nodes));
  return graph ? chainToMermaid(graph) : '';
};

describe('chainToMermaid', () => {
  it('draws nodes with their kinds and edges with their labels', () => {
    expect(mermaid({ a: { to: { True: 'b', False: ['b', 'c'] } }, b: {}, c: {} })).toBe(
      [
        'flowchart TD',
        '  start((start))',
        '  n0["a<br/><small>test/act</small>"]',
        '  n1["b<br/><small>test/act</small>"]',
        '  n2["c<br/><small>test/act</small>"]',
        '  start --> n0',
        '  n0 -->|"True, False"| n1',
        '  n0 -->|"False"| n2',
        '',
      ].join('\n'),
    );
  });

  it('keeps names from being read as Mermaid', () => {
    const text = mermaid({ 'warm? "x" <b>#1&lt;': { to: { 'a|b': 'end' } }, end: {} });
    expect(text).toContain('n0["warm? #quot;x#quot; #lt;b#gt;#35;1#amp;lt;<br/>');
    expect(text).toContain('n0 -->|"a|b"| n1');
  });
});
