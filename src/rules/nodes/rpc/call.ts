import type { JsonValue } from '../../../model/json.ts';
import { type Msg, withMsg } from '../../../model/msg.ts';
import { Secret } from '../../../model/secret.ts';
import { integer } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';

export const call = defineNode({
  kind: 'rpc/call',
  thingsboard: { type: 'org.thingsboard.rule.engine.rpc.TbSendRPCRequestNode', version: 0 },
  version: 0,
  summary:
    'Calls a method on the device: the body has `method` and `params`; metadata `oneway`, `persistent`, `retries`, `expirationTime` (ms since 1970) and `additionalInfo` are read. The message is acknowledged at once and goes on with the answer as its body; an answer that is no object stands under `response`. Without an answer it fails with TIMEOUT or NO_ACTIVE_CONNECTION.',
  since: '0.2.0',
  fields: {
    timeoutInSeconds: integer('Time for the answer, s.', { default: 60, minimum: 1, maximum: 86_400 }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A relay is switched and says so',
      config: { timeoutInSeconds: 10 },
      given: { rpc: [{ device: 'meter-1', method: 'setRelay', response: { closed: true } }] },
      msg: { data: { method: 'setRelay', params: { closed: true } } },
      goesTo: 'Success',
      data: { closed: true },
    },
    {
      title: 'The device is not there',
      config: {},
      msg: { data: { method: 'setRelay', params: {} } },
      goesTo: 'Failure',
    },
    { title: 'No params', config: {}, msg: { data: { method: 'setRelay' } }, goesTo: 'Failure' },
  ],
  create({ timeoutInSeconds }, { chain, node }) {
    return {
      onMsg(msg, context) {
        const { method, params } = dataObject(msg);
        if (typeof method !== 'string' || method === '') throw new NodeFailure('the body has no text `method`');
        if (params === undefined) throw new NodeFailure('the body has no `params`');
        if (params instanceof Secret) throw new NodeFailure('`params` is a secret');
        const { oneway, persistent, additionalInfo } = msg.metadata;
        const retries = wholeNumber(msg, 'retries');
        const expiresAt = wholeNumber(msg, 'expirationTime');
        return context.callDevice(msg, {
          chain,
          node,
          method,
          params: params as JsonValue,
          oneway: oneway === 'true',
          persistent: persistent === 'true',
          timeoutMs: timeoutInSeconds * 1_000,
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(retries === undefined ? {} : { retries }),
          ...(additionalInfo === undefined ? {} : { additionalInfo }),
          goOn(answer) {
            if (answer.kind === 'failed') throw new NodeFailure(answer.reason);
            return withMsg(msg, { data: answer.body });
          },
        });
      },
    };
  },
});

function wholeNumber({ metadata }: Msg, key: string): number | undefined {
  const text = metadata[key];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
