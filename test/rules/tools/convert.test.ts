import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintChains } from '../../../src/rules/index.ts';
import { exportChains, importChains } from '../../../src/rules/tools/index.ts';
import { tempFolder } from '../../helpers/chain-kit.ts';
import { exportOf, TB } from '../../helpers/thingsboard-export.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/thingsboard');
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8');

/** The one chain of a set, exported; `others` are only there to be named. */
async function exported(text: string, others: Record<string, string> = {}): Promise<string> {
  await using folder = await tempFolder({ 'it.json': text, ...others });
  const { chains, issues } = await exportChains([folder.path]);
  const found = chains.find(({ from }) => from.endsWith('it.json'));
  if (!found) throw new Error(JSON.stringify(issues));
  return found.text;
}

async function imported(text: string, others: Record<string, string> = {}): Promise<string> {
  await using folder = await tempFolder({ 'it.json': text, ...others });
  const { chains, issues } = await importChains([folder.file('it.json')], { into: folder.path });
  if (!chains[0]) throw new Error(JSON.stringify(issues));
  return chains[0].text;
}

/** Without what an export of ours adds to tell nodes of one name apart. */
function withoutKeys(text: string): unknown {
  const value = JSON.parse(text);
  for (const node of value.metadata.nodes) delete node.key;
  return value;
}

const byPlace = (a: { fromIndex: number; toIndex: number }, b: typeof a) =>
  a.fromIndex - b.fromIndex || a.toIndex - b.toIndex;

describe('from ThingsBoard and back', () => {
  it('says of a root chain what it said: nodes, configurations, edges, places, notes, descriptions', async () => {
    const before = JSON.parse(fixture('root-chain.json'));
    before.metadata.connections.sort(byPlace);
    expect(withoutKeys(await exported(fixture('root-chain.json')))).toEqual(before);
  });

  it.each(['root-chain.json', 'legacy-root.json', 'every-class.json'])(
    '%s: a second save, and one over the native form, are the same bytes',
    async (name) => {
      const others = { 'called.json': fixture('called.json') };
      const first = await exported(fixture(name), others);
      expect(await exported(first, others)).toBe(first);
      const native = await imported(fixture(name), others);
      expect(await exported(native, others)).toBe(first);
      // Now with every default written out.
      const again = await imported(first, others);
      expect(await imported(await exported(again, others), others)).toBe(again);
    },
  );

  it.each(['root-chain.json', 'legacy-root.json', 'every-class.json'])(
    '%s: what import writes loads, beside the chain that it calls',
    async (name) => {
      await using from = await tempFolder({ [name]: fixture(name), 'called.json': fixture('called.json') });
      await using to = await tempFolder();
      const { chains } = await importChains([from.path], { into: to.path });
      for (const { file, text } of chains) await to.write(file, text);
      const [first] = chains;
      await to.write('root.json', JSON.stringify({ rootChain: first?.name }));
      expect((await lintChains(to.path)).filter(({ level }) => level === 'error')).toEqual([]);
    },
  );

  it('keeps ids of other chains, of shapes that have them', async () => {
    const id = '11111111-0000-4000-8000-00000000000b';
    const files = {
      'b.json': JSON.stringify(exportOf('two', [TB.series()], [], { ruleChain: { id: { id } } })),
    };
    const one = JSON.stringify(exportOf('one', [TB.call('to two', id)]));
    const native = await imported(one, files);
    expect(JSON.parse(native)).toMatchObject({
      thingsboard: { chainIds: { two: id } },
      nodes: { 'to two': { kind: 'flow/chain', config: { chain: 'two' } } },
    });
    expect(JSON.parse(await exported(native)).metadata.nodes[0].configuration).toEqual({
      ruleChainId: id,
      ruleChainName: 'two',
      forwardMsgToDefaultRuleChain: false,
    });
  });

  it('gives nodes of one name names of their own, the same every time', async () => {
    const file = exportOf('main', [
      TB.series('log'),
      TB.series('log 2'),
      TB.series('log'),
      TB.series(''),
      TB.series(''),
    ]);
    const native = JSON.parse(await imported(JSON.stringify(file)));
    expect(Object.keys(native.nodes)).toEqual([
      'log',
      'log 2',
      'log 3',
      'TbMsgTimeseriesNode',
      'TbMsgTimeseriesNode 2',
    ]);
    expect(native.nodes['log 3'].thingsboard).toEqual({ name: 'log' });
    const back = JSON.parse(await exported(JSON.stringify(native)));
    expect(back.metadata.nodes.map((node: { name: string }) => node.name)).toEqual(['log', 'log 2', 'log', '', '']);
  });

  it('names nodes in time that grows with the file only', async () => {
    const nodes = Array.from({ length: 3000 }, () => ({ type: 'x.X', name: 'n' }));
    const began = performance.now();
    await imported(JSON.stringify(exportOf('main', nodes)));
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('keeps what only ThingsBoard reads of a node', async () => {
    const node = {
      ...TB.series(),
      debugMode: true,
      singletonMode: true,
      queueName: 'HighPriority',
      additionalInfo: { layoutX: 1, layoutY: 2, description: 'why', color: 'red' },
    };
    const text = await exported(JSON.stringify(exportOf('main', [node])));
    expect(JSON.parse(text).metadata.nodes[0]).toMatchObject({
      singletonMode: true,
      queueName: 'HighPriority',
      debugSettings: { failuresEnabled: true, allEnabled: true },
      additionalInfo: { layoutX: 1, layoutY: 2, description: 'why', color: 'red' },
    });
    expect(text).not.toContain('debugMode": true');
  });

  it('reads several chains of one REST export, each with its own part', async () => {
    const parts = ['one', 'two'].map((name, index) => ({
      ...exportOf(name, [TB.series(`save ${name}`)]),
      id: { entityType: 'RULE_CHAIN', id: `11111111-0000-4000-8000-00000000000${index}` },
    }));
    const bulk = {
      ruleChains: parts.map(({ ruleChain, id }) => ({ ...ruleChain, id })),
      metadata: parts.map(({ metadata, id }) => ({ ...metadata, ruleChainId: id })).reverse(),
    };
    await using folder = await tempFolder({ 'all.json': JSON.stringify(bulk) });
    const { chains } = await importChains([folder.file('all.json')], { into: folder.path });
    expect(chains.map(({ name, file, text }) => [name, file, Object.keys(JSON.parse(text).nodes)])).toEqual([
      ['one', 'one.json', ['save one']],
      ['two', 'two.json', ['save two']],
    ]);
  });

  it('gives nothing when one chain of several cannot be carried over', async () => {
    const good = JSON.stringify(exportOf('good', [TB.series()]));
    const bad = JSON.stringify({ name: 'bad', first: 'x', nodes: { x: { kind: 'onboard/supply-point' } } });
    await using folder = await tempFolder({ 'a.json': good, 'b.json': bad });
    expect((await exportChains([folder.path])).chains).toEqual([]);
    expect((await importChains([folder.path], { into: folder.path })).chains).toEqual([]);
  });

  it('keeps a called chain a called chain, whatever the native form calls its nodes', async () => {
    const native = {
      name: 'called',
      first: 'end-well',
      nodes: { 'end-well': { kind: 'flow/output', config: { label: 'Done' } } },
    };
    const text = await exported(JSON.stringify(native));
    expect(JSON.parse(text).metadata.nodes[0]).toMatchObject({
      name: 'Done',
      key: 'end-well',
      configuration: { version: 0 },
    });
    expect(JSON.parse(await imported(text)).nodes).toMatchObject({ 'end-well': { config: { label: 'Done' } } });
  });

  it.each([
    ['retry', { retry: { attempts: 3 } }],
    ['maxVisits', { maxVisits: 3 }],
  ])('refuses %s, which ThingsBoard does not have', async (word, option) => {
    const chain = { name: 'a', first: 's', nodes: { s: { kind: 'action/save-telemetry', ...option } } };
    await using folder = await tempFolder({ 'a.json': JSON.stringify(chain) });
    expect(await exportChains([folder.path])).toMatchObject({
      chains: [],
      issues: [{ rule: 'not-supported', at: `/nodes/s/${word}`, level: 'error' }],
    });
  });

  it('exports no chain that would not load: an edge or a beginning that leads nowhere', async () => {
    const log = { kind: 'action/log', to: { Success: 'gone' } };
    const chain = { name: 'a', first: 'missing', nodes: { s: log } };
    await using folder = await tempFolder({ 'a.json': JSON.stringify(chain) });
    expect(await exportChains([folder.path])).toMatchObject({
      chains: [],
      issues: expect.arrayContaining([
        expect.objectContaining({ rule: 'missing-node', at: '/nodes/s/to/Success', level: 'error' }),
        expect.objectContaining({ rule: 'missing-first', at: '/first', level: 'error' }),
      ]),
    });
  });

  it('imports no two chains of one name, of one file neither', async () => {
    const { ruleChain, metadata } = exportOf('twice', [TB.series()]);
    const ids = ['11111111-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000002'];
    const bulk = {
      ruleChains: ids.map((id) => ({ ...(ruleChain as object), id: { entityType: 'RULE_CHAIN', id } })),
      metadata: ids.map((id) => ({ ...(metadata as object), ruleChainId: { entityType: 'RULE_CHAIN', id } })),
    };
    await using folder = await tempFolder({ 'all.json': JSON.stringify(bulk) });
    expect(await importChains([folder.file('all.json')], { into: folder.path })).toMatchObject({
      chains: [],
      issues: expect.arrayContaining([expect.objectContaining({ rule: 'duplicate-chain', at: '/ruleChains/1/name' })]),
    });
  });

  it('exports no two chains of one name: the second would take the place of the first', async () => {
    const text = JSON.stringify({ name: 'a', first: 's', nodes: { s: { kind: 'action/log' } } });
    await using folder = await tempFolder({ 'a.json': text, 'b.json': text });
    expect(await exportChains([folder.path])).toMatchObject({
      chains: [],
      issues: [{ rule: 'duplicate-chain', at: '/name', level: 'error' }],
    });
  });
});
