import { MSG_TYPE_LABELS } from '../../../model/msg.ts';
import { defineNode } from '../../node-kind.ts';

const labels: ReadonlyMap<string, string> = new Map(Object.entries(MSG_TYPE_LABELS));

export const msgTypeSwitch = defineNode({
  kind: 'filter/msg-type-switch',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbMsgTypeSwitchNode', version: 0 },
  version: 0,
  summary: 'Routes a message by its type; a type without a label of its own goes to Other.',
  since: '0.1.0',
  fields: {},
  relations: [...Object.values(MSG_TYPE_LABELS), 'Other'],
  examples: [
    {
      title: 'Telemetry',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 230 } },
      goesTo: 'Post telemetry',
    },
    { title: 'A type of our own', config: {}, msg: { type: 'FOO', data: {} }, goesTo: 'Other' },
  ],
  create: () => ({
    onMsg: (msg) => ({ relation: (labels.get(msg.type) ?? 'Other') as 'Other', msg }),
  }),
});
