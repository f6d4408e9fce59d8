import { describe, expect, it } from 'vitest';
import { compileActs } from '../helpers/chain-kit.ts';

describe('compileChain', () => {
  it('joins the edges of one label, whatever its case, in file order', () => {
    const { first } = compileActs({ a: { to: { Success: ['b', 'c'], SUCCESS: 'd' } }, b: {}, c: {}, d: {} });
    const route = first?.routes.get('success');
    expect(route?.label).toBe('Success');
    expect(route?.targets.map((node) => node.name)).toEqual(['b', 'c', 'd']);
  });

  it('lets two edges lead to one and the same node', () => {
    const { first } = compileActs({ a: { to: { x: 'c', y: 'c' } }, c: {} });
    expect(first?.routes.get('x')?.targets[0]).toBe(first?.routes.get('y')?.targets[0]);
  });
});
