import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../../src/rules/catalogue.ts';
import { runChainTests } from '../../../../src/rules/chain-test.ts';
import { lintChains } from '../../../../src/rules/generation.ts';
import type { RawConfig } from '../../../../src/rules/node-kind.ts';
import { SOURCE_TICK } from '../../../../src/rules/sources.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { chainText, tempFolder, testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

const counting = {
  jsScript: [
    'const n = (prevMsg.n || 0) + 1;',
    "return { msg: { n }, metadata: { before: prevMetadata.n, n }, msgType: prevMsgType + 'x' };",
  ],
};
const tick = (context = createTestContext()) => testMsg({ type: SOURCE_TICK, data: {}, metadata: {} }, context);

describe('debug/generator', () => {
  it('gives its script the message before', async () => {
    const node = makeNode('debug/generator', counting);
    expect(await node.run(tick())).toMatchObject({ msg: { data: { n: 1 }, metadata: { n: '1' }, type: 'x' } });
    const second = { data: { n: 2 }, metadata: { before: '1', n: '2' }, type: 'xx' };
    expect(await node.run(tick())).toMatchObject({ relation: 'Success', msg: second });
  });

  it('makes messages of the tenant, or of who is named', async () => {
    const context = createTestContext({ assets: [{ name: 'B1' }] });
    expect(await makeNode('debug/generator', counting).run(tick(context), context)).toMatchObject({
      msg: { originator: { entityType: 'TENANT' } },
    });
    const named = { ...counting, originatorType: 'ASSET', originatorName: 'B1' };
    expect(await makeNode('debug/generator', named).run(tick(context), context)).toMatchObject({
      msg: { originator: { entityType: 'ASSET', name: 'B1' } },
    });
    const gone = makeNode('debug/generator', { ...named, originatorName: 'B2' });
    await expect(gone.run(tick(context), context)).rejects.toThrow('there is no ASSET "B2"');
    expect(lintNode('debug/generator', { ...counting, originatorType: 'ASSET' })).toMatchObject([
      { at: '/originatorName' },
    ]);
  });

  it('fails with a list, and on a message that is not its own', async () => {
    const list = makeNode('debug/generator', { jsScript: 'return [{ msg: {} }];' });
    await expect(list.run(tick())).rejects.toThrow('not');
    const node = makeNode('debug/generator', counting);
    await expect(Promise.resolve(node.run(testMsg({})))).rejects.toThrow('takes none');
  });

  it('reads configurations of every version of ThingsBoard', () => {
    const form = catalogue.find(({ kind }) => kind === 'debug/generator')?.thingsboard;
    const old = { msgCount: 3, periodInSeconds: 2, originatorId: null, originatorType: null, queueName: 'Main' };
    let now: RawConfig = old;
    for (const upgrade of form?.upgrades ?? []) now = upgrade(now);
    const at = { name: 'n', chainName: () => undefined, chainId: () => undefined };
    expect(form?.read?.(now, at)).toEqual({ msgCount: 3, periodInSeconds: 2, originatorType: 'RULE_NODE' });
    expect(() => form?.write?.({ originatorName: 'm' }, at)).toThrow('originatorName');
  });

  it('is reached without an edge; one that leads to it is warned of', async () => {
    const generator = { kind: 'debug/generator', config: counting, to: { Success: 'end' } };
    const end = { kind: 'action/log' };
    const first = { kind: 'action/log', to: { Success: 'end' } };
    await using fine = await tempFolder({ 'a.json': chainText({ first, generator, end }) });
    expect(await lintChains(fine.path)).toEqual([]);
    const wrong = { kind: 'action/log', to: { Success: 'generator' } };
    await using bad = await tempFolder({ 'a.json': chainText({ first: wrong, generator, end }) });
    expect(await lintChains(bad.path)).toMatchObject([{ rule: 'takes-no-message', at: '/nodes/first/to/Success' }]);
    await using begins = await tempFolder({ 'a.json': chainText({ generator, end }) });
    expect(await lintChains(begins.path)).toMatchObject([{ rule: 'takes-no-message', at: '/first' }]);
  });

  it('makes its messages in a chain test when the clock moves', async () => {
    const jsScript = counting.jsScript.map((line) => line.replace("prevMsgType + 'x'", "'POST_TELEMETRY_REQUEST'"));
    const config = { jsScript, periodInSeconds: 10, msgCount: 3, originatorType: 'DEVICE', originatorName: 'm1' };
    const chain = chainText({
      first: { kind: 'action/log' },
      generator: { kind: 'debug/generator', config, to: { Success: 'save' } },
      save: { kind: 'action/save-telemetry' },
    });
    const given = { devices: [{ name: 'm1' }] };
    const test = (advance: number, n: number) => ({
      name: `${advance}`,
      given,
      when: [{ advance }],
      ...Object.fromEntries([['then', { telemetry: { m1: { n } } }]]),
    });
    const cases = [test(10_000, 1), test(20_000, 2), test(900_000, 3)];
    await using folder = await tempFolder({ 'a.json': chain, 'a.test.json': JSON.stringify({ cases }) });
    const report = await runChainTests(folder.path);
    expect(report.cases.map(({ name, differences }) => [name, differences])).toEqual(
      cases.map(({ name }) => [name, []]),
    );
  });
});
