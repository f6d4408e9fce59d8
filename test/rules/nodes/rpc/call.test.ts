import { describe, expect, it } from 'vitest';
import type { Msg } from '../../../../src/model/msg.ts';
import { Secret } from '../../../../src/model/secret.ts';
import type { DeviceCall } from '../../../../src/rules/node-context.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

/** What the node asks for. */
function callOf(config: object, change: Partial<Msg>): DeviceCall {
  let seen: DeviceCall | undefined;
  const context = {
    ...createTestContext(),
    callDevice(msg: Msg, call: DeviceCall) {
      seen = call;
      return { relation: [], msg } as const;
    },
  };
  const result = makeNode('rpc/call', config, { chain: 'root', node: 'ask' }).run(testMsg(change), context);
  expect(result).toMatchObject({ relation: [] });
  if (!seen) throw new Error('no call');
  return seen;
}

const data = { method: 'setRelay', params: { closed: true } };

describe('rpc/call', () => {
  it('ends its message and calls with what body, metadata and config say', () => {
    const metadata = { oneway: 'true', persistent: 'true', retries: '2', expirationTime: '1750000060000' };
    expect(callOf({ timeoutInSeconds: 10 }, { data, metadata })).toMatchObject({
      chain: 'root',
      node: 'ask',
      method: 'setRelay',
      params: { closed: true },
      oneway: true,
      persistent: true,
      timeoutMs: 10_000,
      retries: 2,
      expiresAt: 1_750_000_060_000,
    });
    expect(callOf({}, { data })).toMatchObject({ oneway: false, persistent: false, timeoutMs: 60_000 });
  });

  it('goes on with the answer as the body and the metadata as they were', () => {
    const call = callOf({}, { data, metadata: { a: 'b' } });
    const next = call.goOn({ kind: 'answered', body: { closed: false } });
    expect([next.data, next.metadata]).toEqual([{ closed: false }, { a: 'b' }]);
    expect(() => call.goOn({ kind: 'failed', reason: 'TIMEOUT' })).toThrow('TIMEOUT');
  });

  it.each([
    [{ params: {} }, 'method'],
    [{ method: 5, params: {} }, 'method'],
    [{ method: 'm' }, 'params'],
    [{ method: 'm', params: new Secret('x') }, 'secret'],
  ])('fails with the body %j', (body, why) => {
    expect(() => makeNode('rpc/call').run(testMsg({ data: body as Msg['data'] }))).toThrow(why);
  });

  it('an answer that is no object stands under response', () => {
    const context = createTestContext({ rpc: [{ device: 'meter-1', method: 'setRelay', response: [1, 2] }] });
    const result = makeNode('rpc/call').run(testMsg({ data }, context), context);
    expect(result).toMatchObject({ relation: 'Success', msg: { data: { response: [1, 2] } } });
  });
});
