import type { MsgData } from '../../../model/msg.ts';
import { flag, integer, json } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';
import { compileProcessing, effectiveTs, type ProcessingSettings, processingSchema } from '../../processing.ts';
import { flagOf } from '../../upgrade-steps.ts';

const WITHOUT_LATEST = {
  type: 'ADVANCED',
  timeseries: { type: 'ON_EVERY_MESSAGE' },
  latest: { type: 'SKIP' },
  webSockets: { type: 'ON_EVERY_MESSAGE' },
  calculatedFields: { type: 'ON_EVERY_MESSAGE' },
};

export const saveTelemetry = defineNode({
  kind: 'action/save-telemetry',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.telemetry.TbMsgTimeseriesNode',
    version: 1,
    upgrades: [
      ({ skipLatestPersistence, ...old }) => ({
        ...old,
        processingSettings: flagOf('skipLatestPersistence', skipLatestPersistence ?? false)
          ? WITHOUT_LATEST
          : { type: 'ON_EVERY_MESSAGE' },
      }),
    ],
  },
  version: 0,
  summary:
    'Stores the body as one sample of the originator, at metadata ts, else at the time of the message. Takes POST_TELEMETRY_REQUEST only. Secrets are left out.',
  since: '0.1.0',
  fields: {
    useServerTs: flag('Store under the time of now, whatever the device says.', { default: false }),
    defaultTTL: integer("ThingsBoard's time to live, s. History is kept as long as the device profile says.", {
      default: 0,
      minimum: 0,
    }),
    processingSettings: json<ProcessingSettings<'timeseries' | 'latest'>>(
      'When it stores history and latest values, and when those who watch live hear of them: on every message, once in an interval, or not at all.',
      processingSchema(['timeseries', 'latest']),
      { default: { type: 'ON_EVERY_MESSAGE' } },
    ),
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
      title: 'History without latest values',
      config: { processingSettings: { type: 'ADVANCED', latest: { type: 'SKIP' } } },
      msg: { type: 'POST_TELEMETRY_REQUEST', data: { power: 230 } },
      goesTo: 'Success',
    },
    {
      title: 'An empty body is a failure',
      config: {},
      msg: { type: 'POST_TELEMETRY_REQUEST', data: {} },
      goesTo: 'Failure',
    },
  ],
  *lint({ defaultTTL }) {
    if (defaultTTL === 0) return;
    const problem = 'a time to live of single samples is not kept: history lives as long as the device profile says';
    yield { at: '/defaultTTL', problem, hint: 'set retention.historyMs in the device profile', level: 'warning' };
  },
  create({ useServerTs, processingSettings }) {
    const planFor = compileProcessing(processingSettings, ['timeseries', 'latest']);
    return {
      onMsg(msg, context) {
        if (msg.type !== 'POST_TELEMETRY_REQUEST') throw new NodeFailure(`takes no message of type ${msg.type}`);
        if (isEmpty(dataObject(msg))) throw new NodeFailure('the body is empty');
        const ts = useServerTs ? context.now() : effectiveTs(msg);
        const { timeseries: history, latest, live } = planFor(msg.originator.id, ts, context);
        context.saveTelemetry(msg, { ts, latest, history, live });
        return { relation: 'Success', msg };
      },
    };
  },
});

function isEmpty(data: MsgData): boolean {
  for (const key in data) if (Object.hasOwn(data, key)) return false;
  return true;
}
