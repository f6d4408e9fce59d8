import { oneOf } from '../../../schema/fields.ts';
import { DEVICE_STATE_EVENTS } from '../../entity-context.ts';
import { defineNode, deviceOf } from '../../node-kind.ts';

/** Most events of one device within so many ms: ThingsBoard's limits. */
const LIMITS = [
  [1_000, 1],
  [60_000, 30],
  [3_600_000, 60],
] as const;
const KEPT = 60;
const MAX_DEVICES = 100_000;

export const deviceState = defineNode({
  kind: 'action/device-state',
  thingsboard: { type: 'org.thingsboard.rule.engine.action.TbDeviceStateNode', version: 0 },
  version: 0,
  summary:
    'Notes that the device connected, disconnected, was active or fell silent, as if the broker had seen it; the chains hear of it. Of one device once a second, 30 times a minute and 60 times an hour at most: more goes to Rate limited. What is no device is a failure.',
  since: '0.3.0',
  fields: { event: oneOf('What happened.', DEVICE_STATE_EVENTS, { default: 'ACTIVITY_EVENT' }) },
  relations: ['Success', 'Rate limited'],
  examples: [
    {
      title: 'A meter behind a concentrator was heard of',
      config: { event: 'ACTIVITY_EVENT' },
      msg: { data: { heard: true } },
      goesTo: 'Success',
    },
    { title: 'An asset has no connection', config: {}, msg: { from: 'ASSET B1', data: {} }, goesTo: 'Failure' },
  ],
  create({ event }) {
    const told = new Map<string, readonly number[]>();
    return {
      onMsg(msg, context) {
        const device = deviceOf(msg);
        const now = context.now();
        const former = told.get(device.id) ?? [];
        const tooMany = LIMITS.some(([ms, most]) => former.filter((at) => now - at < ms).length >= most);
        if (tooMany) return { relation: 'Rate limited', msg };
        told.delete(device.id);
        told.set(device.id, [...former.slice(1 - KEPT), now]);
        const [oldest] = told.size > MAX_DEVICES ? told.keys() : [];
        if (oldest !== undefined) told.delete(oldest);
        context.tellDeviceState(device, event);
        return { relation: 'Success', msg };
      },
    };
  },
});
