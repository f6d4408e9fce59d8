import { TENANT } from '../../../model/entity.ts';
import { integer, text } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';

export const messageCount = defineNode({
  kind: 'action/message-count',
  thingsboard: { type: 'org.thingsboard.rule.engine.action.TbMsgCountNode', version: 0 },
  version: 0,
  summary:
    'Counts messages, which end here. With the first one after an interval the count of the messages so far leaves by Success, as telemetry of the tenant. The metrics of the broker count every node without it.',
  since: '0.3.0',
  fields: {
    interval: integer('Length of an interval, s.', { default: 1, minimum: 1, maximum: 86_400 }),
    telemetryPrefix: text('Key of the count.', { default: 'messageCount', minLength: 1 }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The first interval begins with the first message',
      config: { telemetryPrefix: 'readings' },
      msg: { data: { power: 230 } },
      goesTo: 'Success',
      data: { readings: 0 },
    },
  ],
  create({ interval, telemetryPrefix }) {
    let count = 0;
    let beganAt: number | undefined;
    return {
      onMsg(msg, context) {
        const now = context.now();
        const told = count++;
        const elapsed = beganAt === undefined ? 0 : now - beganAt;
        if (beganAt !== undefined && elapsed < interval * 1_000) return { relation: [], msg };
        count = 1;
        beganAt = now;
        return {
          relation: 'Success',
          msg: {
            id: msg.id,
            ts: now,
            type: 'POST_TELEMETRY_REQUEST',
            originator: { ...TENANT, name: 'Tenant', profile: '' },
            metadata: { ts: String(now), delta: String(elapsed) },
            data: { [telemetryPrefix]: told },
          },
        };
      },
    };
  },
});
