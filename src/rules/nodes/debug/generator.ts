import type { Msg, Originator } from '../../../model/msg.ts';
import { integer, oneOf, optional, text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { lintScript, readScript, scriptFields, scriptOf, writeScript } from '../../script/index.ts';
import { SOURCE_TICK } from '../../sources.ts';

const PARAMS = ['prevMsg', 'prevMetadata', 'prevMsgType'] as const;
const TYPES = ['RULE_NODE', 'TENANT', 'DEVICE', 'ASSET', 'CUSTOMER'] as const;

/** Before the first message. */
const NOTHING: Pick<Msg, 'type' | 'metadata' | 'data'> = { type: '', metadata: {}, data: {} };

export const generator = defineNode({
  kind: 'debug/generator',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.debug.TbMsgGeneratorNode',
    version: 2,
    upgrades: [
      // The queue's name moves to the node; there is one queue for each originator here.
      ({ queueName: _, ...configuration }) => configuration,
      (configuration) =>
        configuration.originatorType && configuration.originatorId
          ? configuration
          : { ...configuration, originatorType: 'RULE_NODE' },
    ],
    read: (configuration) => nonNull(readScript(configuration, PARAMS)),
    write({ originatorName, ...config }) {
      if (originatorName === undefined) return writeScript(config);
      throw new NodeFailure('originatorName: ThingsBoard knows the originator of a generator by its id only');
    },
  },
  version: 0,
  source: true,
  summary:
    'Makes a message every so many seconds, by Success: what its script returns, {msg, metadata, msgType}, where a missing part is as in the message before. No edge leads to it. One broker of a system makes them. What counts as its own is gone with a restart.',
  since: '0.3.0',
  fields: {
    msgCount: integer('How many messages; 0 = without end.', { default: 0, minimum: 0 }),
    periodInSeconds: integer('Time from one to the next, s.', { default: 1, minimum: 1, maximum: 2_000_000 }),
    originatorType: oneOf('Whose messages they are; RULE_NODE is the tenant.', TYPES, { default: 'RULE_NODE' }),
    originatorName: optional(text('Name of the device or asset, title of the customer.', { minLength: 1 })),
    originatorId: optional(text('Its UUID, instead of a name.')),
    ...scriptFields(
      {
        js: ['const msg = { power: (prevMsg.power || 0) + 1 };', "return { msg, msgType: 'POST_TELEMETRY_REQUEST' };"],
        tbel: ['return {msg: {power: 230}, metadata: {}, msgType: "POST_TELEMETRY_REQUEST"};'],
      },
      PARAMS,
    ),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A reading of a simulated meter every ten seconds',
      config: {
        periodInSeconds: 10,
        originatorType: 'DEVICE',
        originatorName: 'meter-1',
        jsScript: ["return { msg: { power: 230 }, metadata: {}, msgType: 'POST_TELEMETRY_REQUEST' };"],
      },
      msg: { type: SOURCE_TICK, data: {} },
      goesTo: 'Success',
      data: { power: 230 },
    },
  ],
  *lint(config) {
    yield* lintScript(config, PARAMS);
    const { originatorType, originatorName, originatorId } = config;
    if (originatorType === 'RULE_NODE' || originatorType === 'TENANT') return;
    if (originatorName === undefined && originatorId === undefined)
      yield { at: '/originatorName', problem: `is missing: which ${originatorType} is it?` };
  },
  create(config) {
    const { msgCount, periodInSeconds, originatorType, originatorName, originatorId } = config;
    const script = scriptOf(config, PARAMS);
    let previous = NOTHING;
    const entityType = originatorType === 'RULE_NODE' ? 'TENANT' : originatorType;
    return {
      source: { everyMs: periodInSeconds * 1_000, times: msgCount === 0 ? Number.POSITIVE_INFINITY : msgCount },
      async onMsg(tick, context) {
        if (tick.type !== SOURCE_TICK) throw new NodeFailure('a generator makes messages, it takes none');
        if (tick.metadata.number === '1') previous = NOTHING;
        const id = entityType === 'TENANT' ? undefined : originatorId;
        const found: Originator | undefined =
          originatorName === undefined && id !== undefined
            ? await context.entity({ entityType, id })
            : await context.findEntity(entityType, entityType === 'TENANT' ? '' : (originatorName ?? ''));
        if (!found) throw new NodeFailure(`there is no ${entityType} "${originatorName ?? id}"`);
        const msg = script.generate({ ...tick, ...previous, originator: found }, context.now());
        previous = { type: msg.type, metadata: msg.metadata, data: msg.data };
        return { relation: 'Success', msg };
      },
    };
  },
});
