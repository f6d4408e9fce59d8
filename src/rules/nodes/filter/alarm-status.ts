import { ALARM_STATUSES, parseAlarmId, statusOf } from '../../../model/alarm.ts';
import type { Msg } from '../../../model/msg.ts';
import { json } from '../../../schema/fields.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';

const WORDS: readonly string[] = ALARM_STATUSES;

export const alarmStatus = defineNode({
  kind: 'filter/alarm-status',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbCheckAlarmStatusNode', version: 0 },
  version: 0,
  summary: 'Sends a message about an alarm to True when the alarm has one of these statuses now.',
  since: '0.2.0',
  fields: {
    alarmStatusList: json<readonly string[]>(
      'Statuses.',
      { type: 'array', items: { enum: WORDS }, minItems: 1 },
      { default: ['ACTIVE_ACK', 'ACTIVE_UNACK'] },
    ),
  },
  relations: ['True', 'False'],
  examples: [
    {
      title: 'Nobody has seen it yet',
      config: { alarmStatusList: ['ACTIVE_UNACK'] },
      given: { alarms: [{ originator: 'meter-1', type: 'High temperature', severity: 'MAJOR' }] },
      msg: { type: 'ALARM', data: { id: { entityType: 'ALARM', id: '00000000-0000-7000-8003-000000000001' } } },
      goesTo: 'True',
    },
    {
      title: 'It is not over yet',
      config: { alarmStatusList: ['CLEARED_ACK', 'CLEARED_UNACK'] },
      given: { alarms: [{ originator: 'meter-1', type: 'High temperature', severity: 'MAJOR' }] },
      msg: { type: 'ALARM', data: { id: { entityType: 'ALARM', id: '00000000-0000-7000-8003-000000000001' } } },
      goesTo: 'False',
    },
    {
      title: 'A body that is no alarm is a failure',
      config: { alarmStatusList: ['ACTIVE_UNACK'] },
      msg: { data: { temperature: 21 } },
      goesTo: 'Failure',
    },
  ],
  create({ alarmStatusList }) {
    return {
      async onMsg(msg, context) {
        const alarm = await context.alarm(idOf(msg));
        if (alarm === undefined) throw new NodeFailure('the alarm of the message is gone');
        return { relation: alarmStatusList.includes(statusOf(alarm)) ? 'True' : 'False', msg };
      },
    };
  },
});

/** Of the alarm that is the body. */
function idOf(msg: Msg) {
  const { id } = dataObject(msg);
  const text: unknown = Object(id).id;
  const found = typeof text === 'string' ? parseAlarmId(text) : undefined;
  if (found === undefined) throw new NodeFailure('the body is no alarm: it has no id');
  return found;
}
