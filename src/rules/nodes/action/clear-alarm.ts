import { text } from '../../../schema/fields.ts';
import { compileDetails, detailsFields, lintDetails, readDetails, writeDetails } from '../../alarm-details.ts';
import { alarmMsg } from '../../alarms/index.ts';
import { defineNode } from '../../node-kind.ts';
import { compileText } from '../../template.ts';

export const clearAlarm = defineNode({
  kind: 'action/clear-alarm',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbClearAlarmNode',
    version: 0,
    read: readDetails,
    write: writeDetails,
  },
  version: 0,
  summary:
    "Clears the alarm of a type on the message's originator; the message goes on as ALARM. Without one to clear it goes to False as it is.",
  since: '0.2.0',
  fields: {
    alarmType: text('Type of the alarm; ${key} is metadata, $[key] the body.', {
      default: 'General Alarm',
      minLength: 1,
    }),
    ...detailsFields,
  },
  relations: ['Cleared', 'False'],
  examples: [
    {
      title: 'The alarm is over',
      config: { alarmType: 'High temperature' },
      given: { alarms: [{ originator: 'meter-1', type: 'High temperature', severity: 'MAJOR' }] },
      msg: { data: { temperature: 60 } },
      goesTo: 'Cleared',
      metadata: { isClearedAlarm: 'true' },
    },
    {
      title: 'There is no such alarm',
      config: { alarmType: 'High temperature' },
      msg: { data: { temperature: 60 } },
      goesTo: 'False',
      data: { temperature: 60 },
    },
  ],
  *lint(config) {
    yield* lintDetails(config);
  },
  create(config, { chain, node }) {
    const typeOf = compileText(config.alarmType);
    const build = compileDetails(config);
    return {
      async onMsg(msg, context) {
        const active = await context.activeAlarm(msg.originator, typeOf(msg));
        if (active === undefined) return { relation: 'False', msg };
        const details = build?.(msg, context.now(), active.details);
        const cleared = await context.clearAlarm(active.id, `chain:${chain}/${node}`, details);
        if (cleared === undefined) return { relation: 'False', msg };
        return { relation: 'Cleared', msg: alarmMsg(msg, cleared, 'cleared') };
      },
    };
  },
});
