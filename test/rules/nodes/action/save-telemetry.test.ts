import { describe, expect, it } from 'vitest';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

function timeOf(config: object, ts: string | undefined): number | undefined {
  const context = createTestContext({ now: 99 });
  const metadata: Record<string, string> = ts === undefined ? {} : { ts };
  makeNode('action/save-telemetry', config).run(testMsg({ ts: 7, data: { a: 1 }, metadata }, context), context);
  return context.telemetry.get('meter-1')?.[0]?.ts;
}

describe('action/save-telemetry', () => {
  it.each([
    ['1750000000123', 1750000000123],
    ['-5', -5],
    [undefined, 7],
    ['', 7],
    ['soon', 7],
    ['1.5', 7],
    ['99999999999999999999', 7],
  ])('with metadata ts %j stores at %j', (ts, expected) => {
    expect(timeOf({}, ts)).toBe(expected);
  });

  it('stores under the time of now when asked to', () => {
    expect(timeOf({ useServerTs: true }, '5')).toBe(99);
  });
});
