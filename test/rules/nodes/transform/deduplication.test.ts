import { describe, expect, it } from 'vitest';
import type { Msg } from '../../../../src/model/msg.ts';
import { Secret } from '../../../../src/model/secret.ts';
import { createWaiting } from '../../../../src/rules/rehearsal-later.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

function bench(config: object) {
  const waiting = createWaiting();
  const world = createTestContext({ now: 0 });
  const context = Object.assign(world, { storeForLater: waiting.storeForLater });
  const node = makeNode('transform/deduplication', config);
  return {
    context,
    async send(ts: number, change: Partial<Msg> = {}) {
      world.advanceTo(ts);
      const metadata = { ts: String(ts), ...change.metadata };
      return node.run(testMsg({ ts, data: { n: ts }, ...change, metadata }, world), context);
    },
    /** What goes on until then. */
    goesOn(until: number): { at: number; data: unknown; type: string }[] {
      const all: { at: number; data: unknown; type: string }[] = [];
      for (let next = waiting.next(until); next; next = waiting.next(until)) {
        all.push({ at: next.at.dueAt, data: next.msg.data, type: next.msg.type });
      }
      return all;
    },
  };
}

describe('transform/deduplication', () => {
  it.each([
    ['FIRST', 1_000],
    ['LAST', 9_000],
  ])('%s of a window goes on at its end', async (strategy, n) => {
    const { send, goesOn } = bench({ interval: 10, strategy });
    for (const ts of [1_000, 5_000, 9_000]) expect((await send(ts)).relation).toEqual([]);
    expect(goesOn(10_999)).toEqual([]);
    expect(goesOn(11_000)).toMatchObject([{ at: 11_000, data: { n } }]);
  });

  it('goes by the time of the messages, not by when they came', async () => {
    const { send, goesOn } = bench({ interval: 10, strategy: 'FIRST' });
    await send(5_000);
    await send(6_000, { data: { n: 'early' }, metadata: { ts: '2000' } });
    expect(goesOn(20_000)).toMatchObject([{ data: { n: 'early' } }]);
  });

  it('ALL makes a list of one type, without secrets', async () => {
    const { send, goesOn } = bench({ interval: 10, strategy: 'ALL', outMsgType: 'BATCH' });
    await send(1, { data: { n: 1, key: new Secret('hidden text') } });
    await send(2, { data: [2] });
    expect(goesOn(20_000)).toEqual([
      {
        at: 10_001,
        type: 'BATCH',
        data: [
          { msg: { n: 1 }, metadata: { ts: '1' } },
          { msg: [2], metadata: { ts: '2' } },
        ],
      },
    ]);
  });

  it('a new window begins behind the former, and originators have their own', async () => {
    const { send, goesOn, context } = bench({ interval: 10, strategy: 'LAST' });
    await send(0);
    await send(9_999);
    await send(10_000);
    await send(10_001, { originator: context.originator('meter-2') });
    expect(goesOn(60_000).map(({ at, data }) => [at, data])).toEqual([
      [10_000, { n: 9_999 }],
      [20_000, { n: 10_000 }],
      [20_001, { n: 10_001 }],
    ]);
  });

  it('more messages than a window may have fail, and what was stored goes on', async () => {
    const { send, goesOn } = bench({ interval: 10, strategy: 'LAST', maxPendingMsgs: 2 });
    await send(1);
    await send(2);
    await expect(send(3)).rejects.toThrow('more than 2 messages');
    expect(goesOn(60_000)).toMatchObject([{ data: { n: 2 } }]);
  });

  it('a message that could not be stored is not in the window', async () => {
    const { send, goesOn, context } = bench({ interval: 10, strategy: 'FIRST' });
    const { storeForLater } = context;
    context.storeForLater = async () => {
      throw new Error('full');
    };
    await expect(send(1)).rejects.toThrow('full');
    context.storeForLater = storeForLater;
    await send(2);
    expect(goesOn(60_000)).toMatchObject([{ at: 10_002, data: { n: 2 } }]);
  });

  it('ALL without a type is refused', () => {
    expect(lintNode('transform/deduplication', { strategy: 'ALL' })).toMatchObject([{ at: '/outMsgType' }]);
  });
});
