import { describe, expect, it } from 'vitest';
import type { NodeResult } from '../../../../src/rules/node-kind.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

describe('transform/script', () => {
  it('takes its text in lines, and gives each object of a list as a message of its own', () => {
    const jsScript = ['var out = [];', 'for (const v of msg.all) out.push({ msg: { v } });', 'return out;'];
    const { msg, more } = makeNode('transform/script', { jsScript }).run(
      testMsg({ data: { all: [1, 2, 3] } }),
    ) as NodeResult;
    expect([msg, ...(more ?? [])].map(({ data }) => data)).toEqual([{ v: 1 }, { v: 2 }, { v: 3 }]);
  });

  it("reads the world's clock", () => {
    const context = createTestContext({ now: 1_800_000_000_000 });
    const node = makeNode('transform/script', { jsScript: 'msg.at = Date.now(); return { msg };' });
    expect(node.run(testMsg(), context)).toMatchObject({ msg: { data: { at: 1_800_000_000_000 } } });
  });
});

describe('filter/script and filter/script-switch', () => {
  it('leave the message as it is', () => {
    const msg = testMsg({ data: { a: 1 } });
    expect(makeNode('filter/script', { jsScript: 'msg.a = 2; return true;' }).run(msg)).toEqual({
      relation: 'True',
      msg,
    });
    expect(makeNode('filter/script-switch', { jsScript: "return ['a', 'b'];" }).run(msg)).toEqual({
      relation: ['a', 'b'],
      msg,
    });
  });

  it('run the script of their language only', () => {
    const config = { scriptLang: 'TBEL', jsScript: 'return this is no script', tbelScript: 'return true;' };
    expect(makeNode('filter/script', config).run(testMsg())).toMatchObject({ relation: 'True' });
  });
});
