import { describe, expect, it } from 'vitest';
import { NodeFailure, type NodeResult } from '../../src/rules/node-kind.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { chainText, loadOrThrow, tempFolder, testMsg } from '../helpers/chain-kit.ts';

const CHAIN = chainText({
  ask: { kind: 'rpc/call', config: {}, to: { Success: 'said', Failure: 'silent' } },
  said: { kind: 'action/log', config: { text: 'said $[n]' } },
  silent: { kind: 'action/log', config: { text: 'silent: ${error}' } },
});

describe('generation: a message goes on behind a node', () => {
  const setUp = async () => {
    const folder = await tempFolder({ 'main.json': CHAIN });
    const generation = await loadOrThrow(folder.path);
    const context = createTestContext();
    const msg = testMsg({ data: { n: 5 } }, context);
    const resume = async (node: string, produce: () => NodeResult) => {
      const result = await generation.resume({ chain: 'main', node }, { msg, produce }, context);
      return { result, logs: context.logs.map(({ text }) => text) };
    };
    return { folder, generation, msg, resume };
  };

  it('by the label it is given, and counts as leaving that node', async () => {
    const { folder, generation, msg, resume } = await setUp();
    await using _ = folder;
    const { result, logs } = await resume('ask', () => ({ relation: 'Success', msg }));
    expect([result, logs]).toEqual([{ outcome: 'processed' }, ['said 5']]);
    expect(generation.counters()[0]).toMatchObject({ node: 'ask', in: 0, edges: { Success: 1 } });
  });

  it('by Failure when what it brings throws', async () => {
    const { folder, resume } = await setUp();
    await using _ = folder;
    const { logs } = await resume('ask', () => {
      throw new NodeFailure('TIMEOUT');
    });
    expect(logs).toEqual(['silent: TIMEOUT']);
  });

  it('not at all when the node is gone: it is dead-lettered there', async () => {
    const { folder, msg, resume } = await setUp();
    await using _ = folder;
    const { result } = await resume('former', () => ({ relation: 'Success', msg }));
    expect(result).toMatchObject({ outcome: 'dead-lettered', letters: [{ chain: 'main', node: 'former' }] });
  });

  it('also inside a called chain: it comes back to the node that called', async () => {
    const inner = chainText(
      {
        ask: { kind: 'rpc/call', config: {}, to: { Success: 'out' } },
        out: { kind: 'flow/output', config: { label: 'Said' } },
      },
      { name: 'inner', root: false },
    );
    const outer = chainText({
      go: { kind: 'flow/chain', config: { chain: 'inner' }, to: { Said: 'log' } },
      log: { kind: 'action/log', config: { text: 'back' } },
    });
    await using folder = await tempFolder({ 'main.json': outer, 'inner.json': inner });
    const generation = await loadOrThrow(folder.path);
    const context = createTestContext();
    const msg = testMsg({ calls: { chain: 'main', node: 'go' } }, context);
    const at = { chain: 'inner', node: 'ask' };
    const produce = () => ({ relation: 'Success', msg });
    expect(await generation.resume(at, { msg, produce }, context)).toEqual({ outcome: 'processed' });
    expect(context.logs.map(({ text }) => text)).toEqual(['back']);
    const lost = testMsg({ calls: { chain: 'main', node: 'former' } }, context);
    const result = await generation.resume(
      at,
      { msg: lost, produce: () => ({ relation: 'Success', msg: lost }) },
      context,
    );
    expect(result).toMatchObject({
      letters: [{ node: 'out', reason: expect.stringContaining('which called, is gone') }],
    });
  });

  it('or from the node itself, for a dead letter that is tried again', async () => {
    const { folder, generation, msg } = await setUp();
    await using _ = folder;
    const context = createTestContext();
    expect(await generation.restart({ chain: 'main', node: 'said' }, msg, context)).toEqual({ outcome: 'processed' });
    expect(context.logs.map(({ text }) => text)).toEqual(['said 5']);
    const gone = await generation.restart({ chain: 'other', node: 'said' }, msg, context);
    expect(gone).toMatchObject({ outcome: 'dead-lettered', letters: [{ chain: 'other', node: 'said', msg }] });
  });
});
