export { ALARM_RULES_DUE, alarmMsg } from './alarm-msg.ts';
export {
  type AlarmDefinition,
  type AlarmRules,
  type AlarmView,
  alarmRules,
  type DataRef,
  type DataSource,
  keyOf,
  refOf,
  sourceOf,
} from './alarm-rule.ts';
export { type AlarmPlace, AlarmStates, type DueAlarms } from './alarm-states.ts';
export { readCalculatedFields } from './calculated-field.ts';
export { type AlarmHand, type AlarmOutput, type AlarmRelation, DeviceAlarms, type Heard } from './device-alarms.ts';
export { type FormIssue, FormReader } from './form-reader.ts';
export { readNativeAlarms } from './native-form.ts';
export { readThingsBoardAlarms } from './thingsboard-form.ts';
