import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const metadata = { serviceId: 'g-1', requestUUID: 'r-1' };

describe('rest/reply', () => {
  it('answers with the body, without its secrets', () => {
    const context = createTestContext();
    const msg = testMsg({ metadata, data: { ok: true, key: new Secret('s3cret') } }, context);
    expect(makeNode('rest/reply').run(msg, context)).toMatchObject({ relation: 'Success' });
    expect(context.requestReplies).toEqual([{ ok: true }]);
  });

  it.each([[[1, 2]], ['text'], [null], [{}]])('answers with %j as well', (data) => {
    const context = createTestContext();
    makeNode('rest/reply').run(testMsg({ metadata, data }, context), context);
    expect(context.requestReplies).toEqual([data]);
  });

  it.each(['serviceId', 'requestUUID'])('fails without metadata %s', (key) => {
    const rest = Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key));
    expect(() => makeNode('rest/reply').run(testMsg({ metadata: rest, data: { ok: true } }))).toThrow(key);
  });

  it('reads the metadata under the names it is told', () => {
    const context = createTestContext();
    const config = { serviceIdMetaDataAttribute: 'a', requestIdMetaDataAttribute: 'b' };
    makeNode('rest/reply', config).run(testMsg({ metadata: { a: '1', b: '2' }, data: { ok: 1 } }, context), context);
    expect(context.requestReplies).toHaveLength(1);
  });
});
