import { type Alarm, describeAlarm } from '../../model/alarm.ts';
import { type Msg, withMsg } from '../../model/msg.ts';

/** The type of the message by which a device is looked at though nothing came from it. */
export const ALARM_RULES_DUE = 'DEVICE_PROFILE_PERIODIC_SELF_MSG';

/** ThingsBoard's words in the metadata of a message about an alarm. */
const MARKS = {
  created: { isNewAlarm: 'true' },
  updated: { isExistingAlarm: 'true' },
  'severity-updated': { isExistingAlarm: 'true', isSeverityUpdated: 'true' },
  cleared: { isClearedAlarm: 'true' },
} as const;

/** The message as it goes on about an alarm: type ALARM, the alarm as its body. */
export function alarmMsg(
  msg: Msg,
  alarm: Alarm,
  mark: keyof typeof MARKS,
  more: Readonly<Record<string, string>> = {},
): Msg {
  return withMsg(msg, {
    type: 'ALARM',
    data: describeAlarm(alarm),
    metadata: { ...msg.metadata, ...MARKS[mark], ...more },
  });
}
