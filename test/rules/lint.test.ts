import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/rules/catalogue.ts';
import { lintChains } from '../../src/rules/generation.ts';
import { type LINT_RULES, lintChain } from '../../src/rules/lint.ts';
import { MAX_CHAIN_BYTES } from '../../src/rules/parse.ts';
import type { Issue } from '../../src/schema/issue.ts';
import { chainText, parseChain, tempFolder } from '../helpers/chain-kit.ts';

type Nodes = Parameters<typeof chainText>[0];

const SAVE = { kind: 'action/save-telemetry' };
const good = chainText({ save: SAVE });

const voltage = (operator: string, value: number) => ({ fact: 'msg', path: '$.voltage', operator, value });
const asks = (conditions: object) => ({
  kind: 'filter/conditions',
  config: { conditions },
  to: { True: 'b', False: [] },
});

/** A chain whose reply holds a number just as it is written. */
const reply = (number: string): string =>
  chainText({ a: { kind: 'action/reply', config: { body: { n: 'N' } } } }).replace('"N"', number);

interface LintCase {
  readonly files: Record<string, string>;
  readonly finds: Partial<Issue>;
}

/** A ThingsBoard export of one node. */
const exported = (node: object): string =>
  JSON.stringify({ ruleChain: { name: 'Root' }, metadata: { firstNodeIndex: 0, nodes: [node], connections: [] } });

const one = (nodes: Nodes, rest: object = {}): Record<string, string> => ({ 'a.json': chainText(nodes, rest) });

/** One seeded defect per rule; each must be the only finding of the file. */
const cases: Record<keyof typeof LINT_RULES, LintCase> = {
  unreadable: { files: {}, finds: { level: 'error', problem: 'there is no such file or folder' } },
  'too-large': { files: { 'a.json': ' '.repeat(MAX_CHAIN_BYTES + 1) }, finds: { at: '', level: 'error' } },
  'not-json': {
    files: { 'a.json': '{\n  "name": "a",\n}' },
    finds: { level: 'error', problem: expect.stringMatching(/^line 3, column 1: /) },
  },
  'duplicate-key': {
    files: { 'a.json': good.replace('"name":"main"', '"name":"main","name":"main"') },
    finds: { at: '/name', level: 'error' },
  },
  'number-too-large': {
    files: { 'a.json': reply('-1e400') },
    finds: { at: '/nodes/a/config/body/n', level: 'error', problem: expect.stringMatching(/^-1e400 is larger than /) },
  },
  'lost-digits': {
    files: { 'a.json': reply('[0.1, 9007199254740992, 1.0, 1e3, -9007199254740993]') },
    finds: {
      at: '/nodes/a/config/body/n/4',
      level: 'warning',
      problem: '-9007199254740993 counts as -9007199254740992: its last digits are lost',
    },
  },
  'wrong-type': {
    files: one({ a: { kind: 'filter/check-fields', config: { all: 'yes' } } }),
    finds: { at: '/nodes/a/config/all', problem: 'must be boolean, is string' },
  },
  'edge-chain': {
    files: { 'a.json': '{"ruleChain":{"name":"Edge","type":"EDGE"},"metadata":{"nodes":[],"connections":[]}}' },
    finds: {
      at: '/ruleChain/type',
      level: 'error',
      problem: expect.stringContaining('"Edge" is a chain of type EDGE'),
    },
  },
  'not-supported': {
    files: { 'a.json': exported({ type: 'org.thingsboard.rule.engine.mail.TbSendEmailNode', name: 'mail' }) },
    finds: {
      at: '/metadata/nodes/0/configuration',
      level: 'warning',
      problem: expect.stringMatching(/^node "mail": .*TbSendEmailNode/),
    },
  },
  'missing-field': {
    files: one({ a: { kind: 'action/reply', config: {} } }),
    finds: { at: '/nodes/a/config', problem: '"body" is missing' },
  },
  'unknown-field': {
    files: one({ a: { kind: 'filter/check-fields', config: { msg: ['k'], metdata: [] } } }),
    finds: { at: '/nodes/a/config/metdata', hint: 'did you mean "metadata"?' },
  },
  'unknown-word': {
    files: one({ a: { kind: 'action/save-attributes', config: { scope: 'CLIENT' } } }),
    finds: { at: '/nodes/a/config/scope', level: 'error' },
  },
  'invalid-value': {
    files: one({ a: { kind: 'flow/dead-letter', config: { reason: '' } } }),
    finds: { at: '/nodes/a/config/reason', level: 'error' },
  },
  'bad-config': {
    files: one({ a: { kind: 'transform/rename-keys', config: { msg: { a: 'c', b: 'c' } } } }),
    finds: { at: '/nodes/a/config/msg', problem: 'two keys would both be named "c"' },
  },
  'unknown-kind': {
    files: one({ a: { kind: 'action/save-telemetri' } }),
    finds: { at: '/nodes/a/kind', hint: 'did you mean "action/save-telemetry"?' },
  },
  'unknown-relation': {
    files: one({ a: { kind: 'onboard/supply-point', to: { Vald: 'b' } }, b: SAVE }),
    finds: { at: '/nodes/a/to/Vald', hint: 'did you mean "Valid"?' },
  },
  'missing-node': {
    files: one({ a: { kind: 'onboard/supply-point', to: { Valid: 'svae', Invalid: 'save' } }, save: SAVE }),
    finds: { at: '/nodes/a/to/Valid', problem: 'there is no node "svae"' },
  },
  'missing-chain': {
    files: one({ a: { kind: 'flow/chain', config: { chain: 'mian' } } }),
    finds: {
      at: '/nodes/a/config',
      problem: 'node "a" calls chain "mian", which there is not',
      hint: 'did you mean "main"?',
    },
  },
  'missing-first': {
    files: one({ save: SAVE }, { first: 'sav' }),
    finds: { at: '/first', hint: 'did you mean "save"?' },
  },
  'takes-no-message': {
    files: one({
      a: { kind: 'action/log', to: { Success: 'b' } },
      b: { kind: 'debug/generator', config: { jsScript: 'return { msg: {} };' } },
    }),
    finds: { at: '/nodes/a/to/Success', level: 'warning' },
  },
  unreachable: {
    files: one({ save: SAVE, b: SAVE }),
    finds: { at: '/nodes/b', level: 'warning', problem: 'no message can reach "b"' },
  },
  cycle: {
    files: one({ a: { kind: 'action/log', to: { Success: 'b' } }, b: { kind: 'action/log', to: { success: 'a' } } }),
    finds: { level: 'error', problem: 'messages would go round: a -> b -> a' },
  },
  'node-not-created': {
    files: one({ a: { kind: 'onboard/find-grid', config: { table: 'lookups/none.json' } } }),
    finds: { at: '/nodes/a/config', problem: 'there is no file "lookups/none.json"' },
  },
  'duplicate-chain': {
    files: { 'a.json': good, 'b.json': chainText({ save: SAVE }, { root: false }) },
    finds: { file: expect.stringMatching(/b\.json$/), at: '/name' },
  },
  'no-root': {
    files: one({ save: SAVE }, { root: false }),
    finds: { hint: expect.stringContaining('root.json beside them: {"rootChain":"main"}') },
  },
  'two-roots': {
    files: { 'a.json': good, 'b.json': chainText({ save: SAVE }, { name: 'other' }) },
    finds: { file: expect.stringMatching(/b\.json$/), at: '/root', level: 'error' },
  },
  'dangling-label': {
    files: one({ a: { kind: 'filter/check-fields', config: { msg: ['k'] }, to: { True: 'b' } }, b: SAVE }),
    finds: { at: '/nodes/a/to', level: 'warning', hint: 'connect it, or say that it is meant: "False": []' },
  },
  'impossible-condition': {
    files: one({ a: asks({ all: [voltage('lessThan', 207), voltage('greaterThan', 253)] }), b: SAVE }),
    finds: {
      at: '/nodes/a/config/conditions',
      level: 'warning',
      problem: 'can never hold: msg $.voltage below 207 and msg $.voltage above 253',
    },
  },
  'always-true-condition': {
    files: one({ a: asks({ any: [voltage('lessThan', 253), voltage('greaterThan', 207)] }), b: SAVE }),
    finds: { at: '/nodes/a/config/conditions', level: 'warning' },
  },
  'ambiguous-lookup': {
    files: {
      ...one({ a: { kind: 'onboard/find-grid', config: { table: 'grids.schema.json' } } }),
      'grids.schema.json':
        '{"grids":[{"code":"1","name":"North","prefixes":["01"]},{"code":"1","name":"South","prefixes":["02"]}]}',
    },
    finds: { at: '/nodes/a/config', problem: 'grid 1 is "North" and, for prefix 02, "South"' },
  },
  'slow-pattern': {
    files: one({ a: { kind: 'action/reply', config: { body: { pattern: '^(a+)+$' } } } }),
    finds: { at: '/nodes/a/config/body/pattern', level: 'warning', problem: expect.stringContaining('too long') },
  },
  'secret-in-clear': {
    files: one({ a: { kind: 'action/reply', config: { body: { apiKey: 'gms_k1_AbCdEfGhIjKlMnOpQrStUv123456' } } } }),
    finds: { at: '/nodes/a/config/body/apiKey', level: 'warning', problem: 'looks like a supplier key' },
  },
};

describe('lint', () => {
  it.each(Object.entries(cases))('%s: finds the one defect, and nothing else', async (rule, { files, finds }) => {
    await using folder = await tempFolder(files);
    const path = rule === 'unreadable' ? folder.file('gone') : folder.path;
    const issues = await lintChains(path);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ rule, ...finds });
  });

  it('finds nothing in the chains of the box', async () => {
    expect(await lintChains('rule-chains')).toEqual([]);
  });

  it('takes an unconnected Failure, and labels in another case, for fine', async () => {
    await using folder = await tempFolder(one({ a: { kind: 'action/log', to: { SUCCESS: 'b' } }, b: SAVE }));
    expect(await lintChains(folder.path)).toEqual([]);
  });

  it('lets no edge leave a node that ends the message', async () => {
    const dead = { kind: 'flow/dead-letter', config: { reason: 'r' }, to: { Failure: 'b' } };
    await using folder = await tempFolder(one({ a: dead, b: SAVE }));
    expect(await lintChains(folder.path)).toMatchObject([{ rule: 'unknown-relation', at: '/nodes/a/to/Failure' }]);
  });

  it('reports an empty folder as missing its root chain', async () => {
    await using folder = await tempFolder();
    expect(await lintChains(folder.path)).toMatchObject([{ rule: 'no-root', problem: 'there is no rule chain' }]);
  });

  it('fills defaults into the checked config, and leaves the graph as its file says', () => {
    const { graph } = parseChain('a.json', good);
    if (!graph) throw new Error('no graph');
    const { chain } = lintChain(graph, new Map(catalogue.map((kind) => [kind.kind, kind])));
    expect(chain?.nodes.get('save')?.config).toMatchObject({ defaultTTL: 0, useServerTs: false });
    expect(graph.nodes.get('save')?.config).toEqual({});
  });

  it('finds every defect of a file at once', async () => {
    const nodes = { a: { kind: 'nope', to: { x: 'gone' } }, b: { kind: 'action/reply', config: {} } };
    await using folder = await tempFolder(one(nodes, { first: 'c' }));
    const rules = (await lintChains(folder.path)).map((issue) => issue.rule);
    expect(rules.sort()).toEqual(['missing-field', 'missing-first', 'missing-node', 'unknown-kind']);
  });
});
