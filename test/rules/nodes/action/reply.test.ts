import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

describe('action/reply', () => {
  it('fills the template in, types kept', () => {
    const context = createTestContext();
    const node = makeNode('action/reply', {
      body: { limits: { max: '$[max]', text: 'max $[max] for ${deviceName}' } },
    });
    node.run(testMsg({ data: { max: 7 }, metadata: { deviceName: 'meter-1' } }, context), context);
    expect(context.replies).toEqual([{ device: 'meter-1', body: { limits: { max: 7, text: 'max 7 for meter-1' } } }]);
  });

  it('sends nothing when a placeholder has no value or is a secret', () => {
    const context = createTestContext();
    const node = makeNode('action/reply', { body: { a: 1, k: '$[key]' } });
    expect(() => node.run(testMsg({}, context), context)).toThrow('has no value');
    expect(() => node.run(testMsg({ data: { key: new Secret('hidden text') } }), context)).toThrow('is a secret');
    expect(context.replies).toEqual([]);
  });
});
