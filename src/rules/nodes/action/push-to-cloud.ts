import { ATTRIBUTE_SCOPES } from '../../../model/telemetry.ts';
import { oneOf } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';

export const pushToCloud = defineNode({
  kind: 'action/push-to-cloud',
  thingsboard: { type: 'org.thingsboard.rule.engine.edge.TbMsgPushToCloudNode', version: 0 },
  version: 0,
  summary:
    "Stands for ThingsBoard's node of the same name in imported chains: there is no cloud here, messages pass as they are.",
  since: '0.3.0',
  fields: { scope: oneOf('Scope of attributes there.', ATTRIBUTE_SCOPES, { default: 'SERVER_SCOPE' }) },
  relations: ['Success'],
  examples: [
    { title: 'Nothing changes', config: {}, msg: { data: { power: 230 } }, goesTo: 'Success', data: { power: 230 } },
  ],
  *lint() {
    yield { at: '', problem: 'nothing is pushed to the cloud: messages pass as they are', level: 'warning' };
  },
  create: () => ({ onMsg: (msg) => ({ relation: 'Success', msg }) }),
});
