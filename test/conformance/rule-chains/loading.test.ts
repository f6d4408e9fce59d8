import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadChains } from '../../../src/rules/generation.ts';
import { createTestContext } from '../../../src/rules/test-context.ts';
import { exportChains } from '../../../src/rules/tools/index.ts';
import type { Issue } from '../../../src/schema/issue.ts';
import { loadOrThrow, tempFolder, testMsg } from '../../helpers/chain-kit.ts';
import { exportOf, TB } from '../../helpers/thingsboard-export.ts';

const A = '11111111-0000-4000-8000-00000000000a';
const B = '11111111-0000-4000-8000-00000000000b';

const ROOT_CHAIN = join(import.meta.dirname, '../../fixtures/thingsboard/root-chain.json');

type Files = Record<string, object>;

const folderOf = (files: Files) =>
  tempFolder(Object.fromEntries(Object.entries(files).map(([name, value]) => [name, JSON.stringify(value)])));

async function load(files: Files) {
  await using folder = await folderOf(files);
  const generation = await loadOrThrow(folder.path);
  const graph = generation.graphs.get(generation.root.name);
  if (!graph) throw new Error('no root');
  return { generation, graph, nodes: [...graph.nodes.values()] };
}

async function issuesOf(files: Files): Promise<readonly Issue[]> {
  await using folder = await folderOf(files);
  const loaded = await loadChains(folder.path);
  return loaded.ok ? [] : loaded.issues.filter(({ level }) => level === 'error');
}

const plain = () =>
  exportOf('Meter onboarding', [TB.series(), TB.switch()], [[1, 'Post telemetry', 0]], {
    metadata: { firstNodeIndex: 1 },
  });

describe('loading', () => {
  it('case 1: an export of the UI gives its nodes and enters at firstNodeIndex', async () => {
    const { graph, nodes } = await load({ 'a.json': plain() });
    expect(graph).toMatchObject({ name: 'Meter onboarding', first: 'by type', root: true });
    expect(nodes.map(({ name, kind }) => [name, kind])).toEqual([
      ['save series', 'action/save-telemetry'],
      ['by type', 'filter/msg-type-switch'],
    ]);
    expect(graph.nodes.get('by type')?.edges).toMatchObject([{ label: 'Post telemetry', to: 'save series' }]);
  });

  it('case 2: a version-control export with metaData gives the same chain', async () => {
    const { ruleChain, metadata } = plain();
    const shapeC = { entityType: 'RULE_CHAIN', entity: { ...ruleChain, id: { id: A } }, metaData: metadata };
    const a = await load({ 'a.json': plain() });
    const c = await load({ 'c.json': shapeC });
    const asRun = ({ nodes, graph }: typeof a) => ({
      name: graph.name,
      first: graph.first,
      nodes: nodes.map(({ name, kind, config, edges }) => ({
        name,
        kind,
        config,
        edges: edges.map(({ label, to }) => ({ label, to })),
      })),
    });
    expect(asRun(c)).toEqual(asRun(a));
  });

  it('case 3: a row of ruleChainConnections becomes an input node at the end, with its edge', async () => {
    const row = {
      fromIndex: 1,
      targetRuleChainId: { entityType: 'RULE_CHAIN', id: B },
      additionalInfo: { layoutX: 40, layoutY: 50, ruleChainNodeId: 'rule-chain-node-1' },
      type: 'Success',
    };
    const main = exportOf('main', [TB.switch(), TB.series()], [[0, 'Post telemetry', 1]], {
      ruleChain: { root: true },
      metadata: { ruleChainConnections: [row] },
    });
    const called = exportOf('called', [TB.series()], [], { ruleChain: { id: { entityType: 'RULE_CHAIN', id: B } } });
    const { nodes } = await load({ 'main.json': main, 'called.json': called });
    expect(nodes.at(-1)).toMatchObject({
      name: 'called',
      kind: 'flow/chain',
      config: { chain: 'called' },
      layout: { x: 40, y: 50 },
    });
    expect(nodes[1]?.edges).toMatchObject([{ label: 'Success', to: 'called' }]);
  });

  it('case 4: debugMode is debugging of failures and all', async () => {
    const node = { ...TB.series(), debugMode: true };
    const { nodes } = await load({ 'a.json': exportOf('main', [node]) });
    expect(nodes[0]?.thingsboard).toEqual({ debugSettings: { failuresEnabled: true, allEnabled: true } });
  });

  it('case 5: a chain without a type is CORE; one of type EDGE is refused', async () => {
    const typeless = exportOf('main', [TB.series()], [], { ruleChain: { type: undefined } });
    expect((await load({ 'a.json': typeless })).graph.name).toBe('main');
    const edge = exportOf('far away', [TB.series()], [], { ruleChain: { type: 'EDGE' } });
    expect(await issuesOf({ 'a.json': edge })).toMatchObject([
      { rule: 'edge-chain', at: '/ruleChain/type', problem: expect.stringContaining('"far away"') },
    ]);
  });

  it('case 6: without firstNodeIndex a message is accepted and no node runs', async () => {
    const { generation } = await load({
      'a.json': exportOf('main', [TB.series()], [], { metadata: { firstNodeIndex: null } }),
    });
    expect(await generation.run(testMsg(), createTestContext())).toEqual({ outcome: 'processed' });
    expect(generation.counters().map((line) => line.in)).toEqual([0]);
  });

  it('case 7: a node that leads to itself, and three in a ring, are refused by name', async () => {
    const self = exportOf('main', [TB.check('ask', ['a'])], [[0, 'True', 0]]);
    expect(await issuesOf({ 'a.json': self })).toMatchObject([
      { rule: 'cycle', problem: expect.stringContaining('ask -> ask') },
    ]);
    const nodes = [TB.check('one', ['a']), TB.check('two', ['a']), TB.check('three', ['a'])];
    const ring = exportOf('main', nodes, [
      [0, 'True', 1],
      [1, 'True', 2],
      [2, 'True', 0],
    ]);
    expect(await issuesOf({ 'a.json': ring })).toMatchObject([
      { rule: 'cycle', problem: expect.stringContaining('one -> two -> three -> one') },
    ]);
  });

  it('case 8: an index out of range is refused and names the connection', async () => {
    const file = exportOf('main', [TB.switch(), TB.series()], [[0, 'Post telemetry', 2]]);
    expect(await issuesOf({ 'a.json': file })).toMatchObject([
      {
        rule: 'missing-node',
        at: '/metadata/connections/0',
        problem: 'connection "Post telemetry" (by type -> 2) names node 2, but nodes are numbered 0 to 1',
      },
    ]);
    const first = exportOf('main', [TB.series()], [], { metadata: { firstNodeIndex: 7 } });
    expect(await issuesOf({ 'a.json': first })).toMatchObject([{ rule: 'missing-first' }]);
  });

  it('case 9: a node of an unknown class fails what reaches it; other branches run', async () => {
    const file = exportOf(
      'main',
      [TB.switch(), TB.series(), TB.mail('tell the office')],
      [
        [0, 'Post telemetry', 1],
        [0, 'Post attributes', 2],
      ],
    );
    const { generation } = await load({ 'a.json': file });
    expect(generation.warnings).toMatchObject([
      {
        rule: 'not-supported',
        at: '/metadata/nodes/2/configuration',
        problem: expect.stringMatching(
          /^node "tell the office": .*org\.thingsboard\.rule\.engine\.mail\.TbSendEmailNode/,
        ),
      },
    ]);
    const context = createTestContext();
    expect(await generation.run(testMsg({ data: { power: 1 } }, context), context)).toEqual({ outcome: 'processed' });
    expect(context.telemetry.get('meter-1')).toMatchObject([{ values: { power: 1 } }]);
    const mail = testMsg({ type: 'POST_ATTRIBUTES_REQUEST' }, context);
    expect(await generation.run(mail, context)).toMatchObject({
      outcome: 'dead-lettered',
      letters: [{ node: 'tell the office', reason: expect.stringContaining('TbSendEmailNode is not supported') }],
    });
  });

  it('case 9: messages pass where the file says "onUnsupported": "pass"', async () => {
    const chain = exportOf('main', [TB.mail(), TB.series()], [[0, 'Success', 1]]);
    const { generation } = await load({ 'a.json': { ...chain, onUnsupported: 'pass' } });
    expect(generation.warnings).toEqual([]);
    const context = createTestContext();
    expect(await generation.run(testMsg({ data: { power: 1 } }, context), context)).toEqual({ outcome: 'processed' });
    expect(context.telemetry.get('meter-1')).toMatchObject([{ values: { power: 1 } }]);
  });

  it('case 10: a root chain that is loaded and saved says the same; a second save is the same bytes', async () => {
    const before = readFileSync(ROOT_CHAIN, 'utf8');
    const save = async (text: string): Promise<string> => {
      await using folder = await tempFolder({ 'root.json': text });
      return (await exportChains([folder.path])).chains[0]?.text ?? '';
    };
    const once = await save(before);
    expect(await save(once)).toBe(once);
    const meaning = (text: string) => {
      const { ruleChain, metadata } = JSON.parse(text);
      const edges = metadata.connections.map((edge: Record<string, unknown>) =>
        JSON.stringify(Object.entries(edge).sort()),
      );
      const nodes = metadata.nodes.map(({ key: _, ...node }: Record<string, unknown>) => node);
      return { ruleChain, metadata: { ...metadata, nodes, connections: edges.sort() } };
    };
    expect(meaning(once)).toEqual(meaning(before));
  });

  /** The native config of one node of an export. */
  const configOf = async (type: string, configuration: object, configurationVersion = 0) => {
    const { nodes } = await load({
      'a.json': exportOf('main', [{ type, name: 'it', configuration, configurationVersion }]),
    });
    return nodes[0]?.config;
  };

  it('case 11: the direction of an old create relation is flipped, when it has entityCacheExpiration', async () => {
    const old = { direction: 'FROM', relationType: 'Contains', entityType: 'ASSET', entityNamePattern: 'G1' };
    const create = 'action.TbCreateRelationNode';
    expect(await configOf(create, { ...old, entityCacheExpiration: 300 })).toMatchObject({ direction: 'TO' });
    expect(await configOf(create, old)).toMatchObject({ direction: 'FROM' });
    expect(await configOf(create, old, 1)).toMatchObject({ direction: 'FROM' });
  });

  it('case 12: the direction of an old check relation is flipped always', async () => {
    const old = { direction: 'TO', relationType: 'Contains', checkForSingleEntity: false };
    expect(await configOf('filter.TbCheckRelationNode', old)).toMatchObject({ direction: 'FROM' });
  });

  it('case 13: copy keys with fromMetadata "true" copy from the metadata', async () => {
    const old = { fromMetadata: 'true', keys: ['tariff'] };
    expect(await configOf('transform.TbCopyKeysNode', old)).toEqual({ metadata: ['tariff'] });
  });

  it('case 14: an upgrade that cannot be done is refused, never replaced by defaults', async () => {
    const node = { type: 'transform.TbDeleteKeysNode', name: 'drop', configuration: { keys: ['secret'] } };
    expect(await issuesOf({ 'a.json': exportOf('main', [node]) })).toMatchObject([
      {
        rule: 'not-supported',
        at: '/metadata/nodes/0/configuration',
        problem: expect.stringMatching(/^node "drop" .*from configurationVersion 0 to 1: "fromMetadata" is missing$/),
      },
    ]);
  });

  it('case 15: chains name each other by id, whichever is read first', async () => {
    const idOf = (id: string) => ({ ruleChain: { id: { entityType: 'RULE_CHAIN', id } } });
    const one = exportOf('one', [TB.call('to two', B), TB.series()], [[0, 'Done', 1]], {
      ruleChain: { ...idOf(A).ruleChain, root: true },
    });
    const two = exportOf(
      'two',
      [TB.switch(), TB.output('Done'), TB.call('to one', A)],
      [
        [0, 'Post telemetry', 1],
        [0, 'Post attributes', 2],
      ],
      idOf(B),
    );
    for (const files of [
      { 'a.json': one, 'b.json': two },
      { 'a.json': two, 'b.json': one },
    ]) {
      const { generation } = await load(files);
      expect(generation.graphs.get('one')?.nodes.get('to two')?.config).toEqual({ chain: 'two' });
      expect(generation.graphs.get('two')?.nodes.get('to one')?.config).toEqual({ chain: 'one' });
      const context = createTestContext();
      await generation.run(testMsg({ data: { power: 1 } }, context), context);
      expect(context.telemetry.get('meter-1')).toMatchObject([{ values: { power: 1 } }]);
    }
    expect(await issuesOf({ 'a.json': one })).toMatchObject([
      {
        rule: 'missing-chain',
        problem: expect.stringMatching(/^node "to two" .*11111111-0000-4000-8000-00000000000b/),
      },
    ]);
  });

  it('case 15: a name beside the id wins, and does for chains whose export has no id', async () => {
    const one = exportOf('one', [TB.call('to two', B, { ruleChainName: 'two' })], [], { ruleChain: { root: true } });
    const { generation } = await load({ 'a.json': one, 'b.json': exportOf('two', [TB.series()]) });
    expect(generation.graphs.get('one')?.nodes.get('to two')?.config).toEqual({ chain: 'two' });
    expect(await issuesOf({ 'a.json': one })).toMatchObject([
      { rule: 'missing-chain', problem: expect.stringContaining('"to two" calls chain "two"') },
    ]);
  });
});
