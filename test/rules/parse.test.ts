import { describe, expect, it } from 'vitest';
import { MAX_CHAIN_BYTES } from '../../src/rules/parse.ts';
import { parseChain } from '../helpers/chain-kit.ts';

const issuesOf = (value: unknown) => parseChain('a.json', JSON.stringify(value)).issues;
const chain = { name: 'a', first: 'x', nodes: { x: { kind: 'k' } } };

describe('parseChain', () => {
  it('reads nodes in file order and edges with their pointers', () => {
    const { graph, issues } = parseChain(
      'a.json',
      JSON.stringify({
        $schema: './chain.schema.json',
        name: 'a',
        root: true,
        first: 'x',
        nodes: {
          x: { kind: 'k', config: { n: 1 }, to: { True: 'y/1', False: ['y/1', 'z'] } },
          'y/1': { kind: 'k' },
          z: { kind: 'k' },
        },
      }),
    );
    expect(issues).toEqual([]);
    expect(graph).toMatchObject({ file: 'a.json', name: 'a', root: true, first: 'x' });
    expect([...(graph?.nodes.keys() ?? [])]).toEqual(['x', 'y/1', 'z']);
    expect(graph?.nodes.get('y/1')?.at).toBe('/nodes/y~11');
    expect(graph?.nodes.get('x')?.edges).toEqual([
      { label: 'True', to: 'y/1', at: '/nodes/x/to/True' },
      { label: 'False', to: 'y/1', at: '/nodes/x/to/False/0' },
      { label: 'False', to: 'z', at: '/nodes/x/to/False/1' },
    ]);
  });

  it('says where a file stops being JSON', () => {
    const { graph, issues } = parseChain('a.json', '{\n  "name": "a",\n  "root": tru\n}');
    expect(graph).toBeUndefined();
    expect(issues).toMatchObject([
      { file: 'a.json', rule: 'not-json', problem: expect.stringMatching(/^line 3, column 1/) },
    ]);
  });

  it('refuses another top-level type by name', () => {
    expect(issuesOf([chain])).toMatchObject([
      { rule: 'wrong-type', problem: 'a rule chain is a JSON object, not an array' },
    ]);
    expect(issuesOf(null)).toMatchObject([{ rule: 'wrong-type' }]);
  });

  it('refuses a file that is too large before reading it', () => {
    const { issues } = parseChain('a.json', ' '.repeat(MAX_CHAIN_BYTES + 1));
    expect(issues).toMatchObject([{ rule: 'too-large' }]);
  });

  it.each([
    ['the REST export', { ruleChains: {}, metadata: [] }, 'missing-field'],
    ['version control', { entityType: 'RULE_CHAIN', entity: {}, metaData: {} }, 'missing-field'],
    ['metadata alone', { metadata: { nodes: [], firstNodeIndex: 0 } }, 'missing-field'],
    ['an index that is none', { ruleChain: { name: 'r' }, metadata: { firstNodeIndex: '0' } }, 'wrong-type'],
  ])('names what the ThingsBoard shape of %s lacks', (_, value, rule) => {
    const found = issuesOf(value);
    expect(found[0]).toMatchObject({ rule, level: 'error' });
  });

  it('names an unknown member and the nearest known one', () => {
    expect(issuesOf({ ...chain, frst: 'x' })).toMatchObject([
      { at: '/frst', rule: 'unknown-field', hint: 'did you mean "first"?' },
    ]);
    expect(issuesOf({ ...chain, nodes: { x: { kind: 'k', tp: {} } } })).toMatchObject([
      { at: '/nodes/x/tp', rule: 'unknown-field' },
    ]);
  });

  it('names a missing member', () => {
    expect(issuesOf({ name: 'a', nodes: {} })).toMatchObject([
      { rule: 'missing-field', problem: '"first" is missing' },
    ]);
  });

  it('names every duplicate key, also when the rest is fine', () => {
    const text = '{"name":"a","first":"x","nodes":{"x":{"kind":"k"},"x":{"kind":"k","config":{"a":1,"a":2}}}}';
    const { graph, issues } = parseChain('a.json', text);
    expect(graph).toBeDefined();
    expect(issues.map(({ at, rule, level }) => ({ at, rule, level }))).toEqual([
      { at: '/nodes/x', rule: 'duplicate-key', level: 'error' },
      { at: '/nodes/x/config/a', rule: 'duplicate-key', level: 'error' },
    ]);
  });
});
