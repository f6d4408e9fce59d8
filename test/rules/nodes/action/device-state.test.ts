import { expect, it } from 'vitest';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

it('action/device-state tells of a device once a second, 30 times a minute and 60 times an hour', async () => {
  const context = createTestContext({ now: 0 });
  const node = makeNode('action/device-state', { event: 'CONNECT_EVENT' });
  const tell = async (at: number, from = 'meter-1') => {
    context.advanceTo(at);
    return (await node.run(testMsg({ originator: context.originator(from) }, context), context)).relation;
  };
  const told: number[] = [];
  for (let second = 0; second <= 3_600; second += 0.5) {
    if ((await tell(second * 1_000)) === 'Success') told.push(second);
  }
  expect(told.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  expect(told.slice(30, 60)).toEqual(Array.from({ length: 30 }, (_, n) => 60 + n));
  expect(told.slice(60)).toEqual([3_600]);
  expect(await tell(3_600_000, 'meter-2')).toBe('Success');
  expect(context.events).toHaveLength(62);
  expect(context.events[0]).toMatchObject({ type: 'CONNECT_EVENT', originator: 'meter-1' });
});
