import type { JsonValue } from '../../../model/json.ts';
import { isMsgData, type Msg } from '../../../model/msg.ts';
import { text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { withoutSecrets } from '../../secrets.ts';

export const reply = defineNode({
  kind: 'rest/reply',
  thingsboard: { type: 'org.thingsboard.rule.engine.rest.TbSendRestApiCallReplyNode', version: 0 },
  version: 0,
  summary:
    'Answers who pushed the message into the chains with `POST /api/rule-engine/…` (REST_API_REQUEST): the body is the answer, without its secrets. The first answer counts; one that nobody waits for any more is dropped. Without the metadata that say which request it fails.',
  since: '0.3.0',
  fields: {
    serviceIdMetaDataAttribute: text('Metadata key of the instance that took the request.', { default: 'serviceId' }),
    requestIdMetaDataAttribute: text('Metadata key of the id of the request.', { default: 'requestUUID' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A back end that asked is told',
      config: {},
      msg: {
        type: 'REST_API_REQUEST',
        data: { accepted: true },
        metadata: { serviceId: 'gridmoor-1', requestUUID: '2f1f4ea3-0d4b-4a52-9a5c-3d0b1f0c2a11' },
      },
      goesTo: 'Success',
    },
    {
      title: 'Nobody asked',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 230 } },
      goesTo: 'Failure',
    },
  ],
  create(config) {
    return {
      onMsg(msg, context) {
        const requestId = required(msg, config.requestIdMetaDataAttribute);
        const serviceId = required(msg, config.serviceIdMetaDataAttribute);
        const body = isMsgData(msg.data) ? withoutSecrets(msg.data) : (msg.data as JsonValue);
        context.replyToRequest(msg, { serviceId, requestId }, body);
        return { relation: 'Success', msg };
      },
    };
  },
});

function required({ metadata }: Msg, key: string): string {
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  if (value === undefined || value === '')
    throw new NodeFailure(`metadata "${key}" is missing: nobody asked over REST`);
  return value;
}
