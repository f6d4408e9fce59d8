import type { Msg } from '../../../model/msg.ts';
import { text } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';

export const reply = defineNode({
  kind: 'rpc/reply',
  thingsboard: { type: 'org.thingsboard.rule.engine.rpc.TbSendRPCReplyNode', version: 0 },
  version: 0,
  summary:
    'Answers the call of a device (TO_SERVER_RPC_REQUEST) with the body. The metadata say which call; without them, or with an empty body, it fails. Secrets are left out.',
  since: '0.2.0',
  fields: {
    serviceIdMetaDataAttribute: text('Metadata key of the instance that took the call.', { default: 'serviceId' }),
    sessionIdMetaDataAttribute: text('Metadata key of the session of the call.', { default: 'sessionId' }),
    requestIdMetaDataAttribute: text('Metadata key of the number of the call.', { default: 'requestId' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The time, for a device that asked',
      config: {},
      msg: {
        type: 'TO_SERVER_RPC_REQUEST',
        data: { time: 1750000000000 },
        metadata: { serviceId: 'gridmoor-1', sessionId: 's-1', requestId: '7' },
      },
      goesTo: 'Success',
    },
    {
      title: 'Nobody asked',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { time: 1750000000000 } },
      goesTo: 'Failure',
    },
  ],
  create(config) {
    return {
      onMsg(msg, context) {
        const serviceId = required(msg, config.serviceIdMetaDataAttribute);
        const sessionId = required(msg, config.sessionIdMetaDataAttribute);
        const requestId = required(msg, config.requestIdMetaDataAttribute);
        const body = dataObject(msg);
        if (Object.keys(body).length === 0) throw new NodeFailure('the body is empty');
        context.replyToCall(msg, { serviceId, sessionId, requestId }, body);
        return { relation: 'Success', msg };
      },
    };
  },
});

function required({ metadata }: Msg, key: string): string {
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  if (value === undefined || value === '') throw new NodeFailure(`metadata "${key}" is missing: no device asked`);
  return value;
}
