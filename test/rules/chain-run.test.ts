import { describe, expect, it } from 'vitest';
import type { Msg } from '../../src/model/msg.ts';
import { NodeFailure } from '../../src/rules/node-kind.ts';
import { runChain } from '../../src/rules/run.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { type Acts, compileActs, testMsg } from '../helpers/chain-kit.ts';

type Nodes = Parameters<typeof compileActs>[0];

/** The kept way of one message, each place as `node labels`. */
async function way(nodes: Nodes, acts: Acts): Promise<string[] | undefined> {
  const chain = compileActs(nodes, acts);
  const options = { keepPath: true, wait: async () => undefined };
  const { path } = await runChain(chain.first, testMsg(), createTestContext(), options);
  return path?.map(({ node, labels }) => [node, ...(labels ?? [])].join(' '));
}

const fail = () => {
  throw new NodeFailure('broken');
};

describe('the way that is kept of a message that fails', () => {
  it('has the label by which each node was left', async () => {
    const nodes = { a: { to: { True: 'b' } }, b: { to: { Success: 'c' } }, c: {} };
    const asTrue = (msg: Msg) => ({ relation: 'True', msg });
    expect(await way(nodes, { a: asTrue, c: fail })).toEqual(['a True', 'b Success', 'c Failure']);
    expect(await way(nodes, { a: async (msg) => asTrue(msg), c: fail })).toEqual(['a True', 'b Success', 'c Failure']);
  });

  it('has those of every branch, and all labels of a switch', async () => {
    const nodes = { a: { to: { x: 'b', y: 'c' } }, b: { to: { Success: 'd' } }, c: {}, d: {} };
    const both = (msg: Msg) => ({ relation: ['x', 'y'], msg });
    expect(await way(nodes, { a: both, c: fail })).toEqual(['a x y', 'b Success', 'd Success', 'c Failure']);
  });

  it('goes on behind a failure that has an edge, and is not kept when nothing failed', async () => {
    const nodes = { a: { to: { Failure: 'b' } }, b: {} };
    expect(await way(nodes, { a: fail })).toEqual(['a Failure', 'b Success']);
    expect(await way(nodes, {})).toBeUndefined();
  });

  it('names a node that is tried again once, by how it ended', async () => {
    let tries = 0;
    const flaky = (msg: Msg) => (++tries < 3 ? fail() : { relation: 'Success', msg });
    const nodes = { a: { to: { Success: 'b' }, retry: { attempts: 3, backoffMs: 1 } }, b: {} };
    expect(await way(nodes, { a: flaky, b: fail })).toEqual(['a Success', 'b Failure']);
  });
});
