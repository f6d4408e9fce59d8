import { ALARM_SEVERITIES, ALARM_STATUSES, type Alarm, type AlarmOriginator, statusOf } from '../../model/alarm.ts';
import { type JsonValue, stringifyJson } from '../../model/json.ts';
import { corrupt, storedJson } from '../stored-json.ts';
import type { Span, Tables } from './environment.ts';
import { digestKey, ID_BYTES, idKey, joinKey, newIdKey, prefixEnd, sequenceKey, textKey, writeId } from './keys.ts';
import { adjustCounter, NOTHING, readCounter } from './records.ts';

/**
 * Tables: `alarms` id -> alarm, in order of creation; `alarmsOf` originator, id -> nothing; `alarmsActive` originator, digest
 * of the type -> id; `alarmsCleared` time of the end, id -> nothing; `alarmTypes` type -> how many alarms have it.
 */
export const ALARMS = 'alarms';
/** Status, severity, then the alarm as JSON: filters need not read the JSON of what they pass over. */
const HEADER = 2;
const MAX_TIME = 2 ** 48 - 1;
const TAGS = { DEVICE: 1, ASSET: 2, CUSTOMER: 3, TENANT: 4 } as const satisfies Record<
  AlarmOriginator['entityType'],
  number
>;

/** Undefined when the id is not a UUID: such an originator has no alarms. */
export function originatorKey({ entityType, id }: AlarmOriginator): Buffer | undefined {
  const key = Buffer.allocUnsafe(1 + ID_BYTES);
  key[0] = TAGS[entityType];
  return writeId(id, key, 1) ? key : undefined;
}

export const activeKey = (originator: Buffer, type: string): Buffer => joinKey(originator, digestKey(type));
export const spanOf = (prefix: Buffer): Span => ({ from: prefix, to: prefixEnd(prefix) });
export const statusAt = (record: Buffer) => ALARM_STATUSES[record[0] ?? -1];
export const severityAt = (record: Buffer) => ALARM_SEVERITIES[record[1] ?? -1];

export function unpackAlarm(record: Buffer): Alarm {
  const value = storedJson(record.toString('utf8', HEADER));
  if (value === null || typeof value !== 'object') throw corrupt('an alarm is no object');
  return value as unknown as Alarm;
}

export function readAlarm({ alarms }: Tables, id: Buffer): Alarm | undefined {
  const record = alarms.get(id);
  return record && unpackAlarm(record);
}

/** Writes an alarm that is new or takes the place of `former`. */
export function writeAlarm(tables: Tables, alarm: Alarm, former: Alarm | undefined): void {
  const id = newIdKey(alarm.id);
  const originator = originatorKey(alarm.originator);
  if (originator === undefined) throw corrupt('the originator of an alarm is no UUID');
  const text = Buffer.from(stringifyJson(alarm as unknown as JsonValue), 'utf8');
  const header = [ALARM_STATUSES.indexOf(statusOf(alarm)), ALARM_SEVERITIES.indexOf(alarm.severity)];
  tables.alarms.put(id, Buffer.concat([Buffer.from(header), text]));
  if (former === undefined) {
    tables.alarmsOf.put(joinKey(originator, id), NOTHING);
    adjustCounter(tables.counters, ALARMS, 1);
    adjustCounter(tables.alarmTypes, alarm.type, 1);
  }
  if (!alarm.cleared) {
    tables.alarmsActive.put(activeKey(originator, alarm.type), id);
    return;
  }
  if (former?.cleared) return;
  if (former !== undefined) tables.alarmsActive.remove(activeKey(originator, alarm.type));
  tables.alarmsCleared.put(clearedKey(alarm, id), NOTHING);
}

export function dropAlarm(tables: Tables, id: Buffer): Alarm | undefined {
  const alarm = readAlarm(tables, id);
  const originator = alarm && originatorKey(alarm.originator);
  if (alarm === undefined || originator === undefined) return undefined;
  tables.alarms.remove(id);
  tables.alarmsOf.remove(joinKey(originator, id));
  if (alarm.cleared) tables.alarmsCleared.remove(clearedKey(alarm, id));
  else tables.alarmsActive.remove(activeKey(originator, alarm.type));
  adjustCounter(tables.counters, ALARMS, -1);
  adjustCounter(tables.alarmTypes, alarm.type, -1);
  if (readCounter(tables.alarmTypes, alarm.type) === 0) tables.alarmTypes.remove(textKey(alarm.type));
  return alarm;
}

/** All alarms of an originator that is being deleted; there are never more than `maxAlarmsPerOriginator`. */
export function dropAlarmsOf(tables: Tables, originator: AlarmOriginator): void {
  const prefix = originatorKey(originator);
  if (prefix === undefined) return;
  for (const key of [...tables.alarmsOf.keys(spanOf(prefix))]) dropAlarm(tables, key.subarray(-ID_BYTES));
}

/** False when nothing has ended that could make room. */
export function makeRoom(
  tables: Tables,
  originator: Buffer,
  limits: { readonly maxAlarms: number; readonly maxAlarmsPerOriginator: number },
): boolean {
  if (tables.alarmsOf.count(spanOf(originator)) >= limits.maxAlarmsPerOriginator) {
    if (!dropFirstEndedOf(tables, originator)) return false;
  }
  if (readCounter(tables.counters, ALARMS) < limits.maxAlarms) return true;
  const [first] = tables.alarmsCleared.keys({ from: sequenceKey(0), to: Buffer.alloc(23, 0xff), limit: 1 });
  return first !== undefined && dropAlarm(tables, first.subarray(-ID_BYTES)) !== undefined;
}

function dropFirstEndedOf(tables: Tables, originator: Buffer): boolean {
  let first: Alarm | undefined;
  for (const key of tables.alarmsOf.keys(spanOf(originator))) {
    const record = tables.alarms.get(key.subarray(-ID_BYTES));
    if (record === undefined || statusAt(record)?.startsWith('ACTIVE')) continue;
    const alarm = unpackAlarm(record);
    if (first === undefined || (alarm.clearTs ?? 0) < (first.clearTs ?? 0)) first = alarm;
  }
  const id = first && idKey(first.id);
  return id !== undefined && dropAlarm(tables, id) !== undefined;
}

const clearedKey = ({ clearTs = 0 }: Alarm, id: Buffer): Buffer =>
  joinKey(sequenceKey(Math.min(Math.max(0, Math.floor(clearTs)), MAX_TIME)), id);
