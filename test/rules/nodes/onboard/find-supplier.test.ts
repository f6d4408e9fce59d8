import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const node = makeNode('onboard/find-supplier', { from: 'key' });

describe('onboard/find-supplier', () => {
  it.each(['Found', 'Not found', 'Rate limited'])('takes the key out of the body on %s', async (relation) => {
    const context = createTestContext({
      suppliers: relation === 'Found' ? [{ name: 'Sol', keys: ['the key'] }] : [],
      rateLimited: relation === 'Rate limited' ? ['meter-1'] : [],
    });
    const result = await node.run(testMsg({ data: { key: new Secret('the key'), model: 'GW-1' } }), context);
    expect(result.relation).toBe(relation);
    expect(result.msg.data).toEqual({ model: 'GW-1' });
  });

  it('puts id and name of the supplier into the metadata, and never the key', async () => {
    const context = createTestContext({ suppliers: [{ name: 'Sol', keys: ['the key'] }] });
    const { msg } = await node.run(testMsg({ data: { key: new Secret('the key') } }), context);
    expect(msg.metadata).toEqual({ supplierId: '00000000-0000-7000-8000-000000000001', supplierName: 'Sol' });
  });

  it('takes a key that nobody wrapped, a number too', async () => {
    const context = createTestContext({ suppliers: [{ name: 'Sol', keys: ['12345'] }] });
    expect(await node.run(testMsg({ data: { key: 12345 } }), context)).toMatchObject({ relation: 'Found' });
  });

  it('fails when the body has no key', async () => {
    await expect(node.run(testMsg({ data: { other: 1 } }))).rejects.toThrow('the body has no "key"');
  });
});
