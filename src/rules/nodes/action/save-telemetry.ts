import type { Msg, MsgData } from '../../../model/msg.ts';
import { flag } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';

export const saveTelemetry = defineNode({
  kind: 'action/save-telemetry',
  thingsboard: { type: 'org.thingsboard.rule.engine.telemetry.TbMsgTimeseriesNode', version: 1 },
  version: 0,
  summary:
    'Stores the body as one sample of the originator, at metadata ts, else at the time of the message. Takes POST_TELEMETRY_REQUEST only. Secrets are left out.',
  since: '0.1.0',
  fields: {
    latest: flag('Keep the latest values too, not the history alone.', { default: true }),
    useServerTs: flag('Store under the time of now, whatever the device says.', { default: false }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A reading with its own time',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 230 }, metadata: { ts: '1717243200000' } },
      goesTo: 'Success',
    },
    {
      title: 'An empty body is a failure',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: {} },
      goesTo: 'Failure',
    },
  ],
  create({ latest, useServerTs }) {
    return {
      onMsg(msg, context) {
        if (msg.type !== 'POST_TELEMETRY_REQUEST') throw new NodeFailure(`takes no message of type ${msg.type}`);
        if (isEmpty(dataObject(msg))) throw new NodeFailure('the body is empty');
        context.saveTelemetry(msg, { ts: useServerTs ? context.now() : timeOf(msg), latest });
        return { relation: 'Success', msg };
      },
    };
  },
});

function isEmpty(data: MsgData): boolean {
  for (const key in data) if (Object.hasOwn(data, key)) return false;
  return true;
}

/** Metadata `ts` when it is an integer, as ThingsBoard reads it (thingsboard-rule-chains 3.1). */
function timeOf(msg: Msg): number {
  const text = msg.metadata.ts;
  if (text === undefined) return msg.ts;
  const ts = Number(text);
  return Number.isSafeInteger(ts) && text.trim() !== '' ? ts : msg.ts;
}
