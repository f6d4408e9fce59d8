import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/rules/catalogue.ts';
import { lintChain } from '../../../src/rules/lint.ts';
import { nativeChain } from '../../../src/rules/native-chain.ts';
import type { NodeKind } from '../../../src/rules/node-kind.ts';
import { parseChains } from '../../../src/rules/parse.ts';
import { writeThingsBoardChain } from '../../../src/rules/thingsboard/index.ts';
import { randomFrom } from '../../helpers/fuzz.ts';
import { exportOf, TB } from '../../helpers/thingsboard-export.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/thingsboard');
const kinds = new Map<string, NodeKind>(catalogue.map((kind) => [kind.kind, kind]));
const parse = (value: unknown) => parseChains([{ path: 'a.json', text: JSON.stringify(value) }], catalogue);

/** Values of every JSON type, and the ones that break things. */
const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x',
  '__proto__',
  '\u0000',
  [],
  [[]],
  {},
  { id: 7 },
  { a: null },
];

/** Every place in a value, as the keys that lead to it. */
function placesOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (value === null || typeof value !== 'object') return [path];
  const inner = Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]));
  return [path, ...inner];
}

function replaced(value: unknown, path: readonly (string | number)[], by: unknown): unknown {
  const copy = structuredClone(value);
  if (path.length === 0) return by;
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path.at(-1) ?? ''] = by;
  return copy;
}

/** Through everything that a file goes through. */
function load(value: unknown): number {
  const { graphs, issues } = parse(value);
  for (const graph of graphs) {
    lintChain(graph, kinds);
    JSON.stringify(nativeChain(graph));
    writeThingsBoardChain(graph, { kinds: catalogue });
  }
  for (const { problem, at } of issues) expect([typeof problem, typeof at]).toEqual(['string', 'string']);
  return graphs.length + issues.length;
}

describe('bad exports', () => {
  it.each(['legacy-root.json', 'root-chain.json'])(
    '%s: any value in any place is a finding or has a meaning',
    (name) => {
      const good = JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));
      const random = randomFrom(3);
      for (const path of placesOf(good)) {
        for (const odd of ODD) if (random() < 0.3) expect(load(replaced(good, path, odd))).toBeGreaterThan(0);
      }
    },
  );

  it('members named like those of every object are data', () => {
    const text = `{"ruleChain":{"name":"p","__proto__":{"root":true}},"metadata":{"firstNodeIndex":0,"nodes":[
      {"type":"org.thingsboard.rule.engine.transform.TbRenameKeysNode","name":"constructor","configurationVersion":2,
       "configuration":{"renameIn":"DATA","renameKeysMapping":{"__proto__":"a","toString":"b"},"__proto__":{"x":1}}}]}}`;
    const { graphs } = parseChains([{ path: 'a.json', text }], catalogue);
    const [graph] = graphs;
    expect(graph?.root).toBe(false);
    const mapping = graph?.nodes.get('constructor')?.config.msg as object;
    expect(Object.keys(mapping)).toEqual(['__proto__', 'toString']);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('names of chains and nodes stand in findings without acting on a terminal', async () => {
    const { formatIssue } = await import('../../../src/schema/issue.ts');
    const { issues } = parse(exportOf('m', [TB.call('\u001b[2J', 'gone')]));
    expect(issues.map(formatIssue).join('')).not.toMatch(/\p{Cc}/u);
    expect(issues).toHaveLength(1);
  });
});

describe('the root of a set', () => {
  const file = (path: string, value: unknown) => ({ path, text: JSON.stringify(value) });
  const two = [file('a.json', exportOf('a', [TB.series()])), file('b.json', exportOf('b', [TB.series()]))];

  it('is what a file of its own says, whatever the others say', () => {
    const native = file('n.json', { name: 'n', root: true, first: null, nodes: {} });
    const { graphs, issues } = parseChains([...two, native, file('root.json', { rootChain: 'b' })], catalogue);
    expect(issues).toEqual([]);
    expect(graphs.map(({ name, root }) => [name, root])).toEqual([
      ['a', false],
      ['b', true],
      ['n', false],
    ]);
  });

  it.each([
    ['a name that there is not', [{ rootChain: 'zzzzzz' }], { rule: 'no-root', hint: 'one of: a, b' }],
    ['a name with a slip', [{ rootChain: 'B' }], { rule: 'no-root' }],
    ['two files', [{ rootChain: 'a' }, { rootChain: 'a' }], { rule: 'two-roots' }],
    ['no text', [{ rootChain: 1 }], { rule: 'wrong-type' }],
  ])('is refused for %s', (_, roots, finding) => {
    const files = roots.map((root, index) => file(`root-${index}.json`, root));
    expect(parseChains([...two, ...files], catalogue).issues).toMatchObject([finding]);
  });
});
