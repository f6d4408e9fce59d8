import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const metadata = { serviceId: 'g-1', sessionId: 's-1', requestId: '7' };

describe('rpc/reply', () => {
  it('answers with the body, without its secrets', () => {
    const context = createTestContext();
    const msg = testMsg({ metadata, data: { ok: true, key: new Secret('s3cret') } }, context);
    expect(makeNode('rpc/reply').run(msg, context)).toMatchObject({ relation: 'Success' });
    expect(context.callReplies).toEqual([{ device: 'meter-1', body: { ok: true } }]);
  });

  it.each(['serviceId', 'sessionId', 'requestId'])('case 55: fails without metadata %s', (key) => {
    const rest = Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key));
    const msg = testMsg({ metadata: rest, data: { ok: true } });
    expect(() => makeNode('rpc/reply').run(msg)).toThrow(key);
  });

  it('fails with an empty body', () => {
    expect(() => makeNode('rpc/reply').run(testMsg({ metadata, data: {} }))).toThrow('empty');
  });

  it('reads the metadata under the names it is told', () => {
    const context = createTestContext();
    const config = {
      sessionIdMetaDataAttribute: 'a',
      requestIdMetaDataAttribute: 'b',
      serviceIdMetaDataAttribute: 'c',
    };
    makeNode('rpc/reply', config).run(
      testMsg({ metadata: { a: '1', b: '2', c: '3' }, data: { ok: 1 } }, context),
      context,
    );
    expect(context.callReplies).toHaveLength(1);
  });
});
