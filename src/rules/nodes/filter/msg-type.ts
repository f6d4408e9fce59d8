import { texts } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';

export const msgType = defineNode({
  kind: 'filter/msg-type',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbMsgTypeFilterNode', version: 0 },
  version: 0,
  summary: 'Sends a message to True when its type is one of these, types of your own included.',
  since: '0.3.0',
  fields: {
    messageTypes: texts('Types, exactly as they are written.', {
      default: ['POST_ATTRIBUTES_REQUEST', 'POST_TELEMETRY_REQUEST', 'TO_SERVER_RPC_REQUEST'],
      minItems: 1,
    }),
  },
  relations: ['True', 'False'],
  examples: [
    {
      title: 'Telemetry',
      config: { messageTypes: ['POST_TELEMETRY_REQUEST'] },
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 230 } },
      goesTo: 'True',
    },
    {
      title: 'A type of your own',
      config: { messageTypes: ['POST_TELEMETRY_REQUEST'] },
      msg: { type: 'METER_READ', data: {} },
      goesTo: 'False',
    },
  ],
  create({ messageTypes }) {
    const types = new Set(messageTypes);
    return { onMsg: (msg) => ({ relation: types.has(msg.type) ? 'True' : 'False', msg }) };
  },
});
