import type { Alarm, AlarmOriginator } from '../../model/alarm.ts';
import type { EntityId } from '../../model/entity.ts';
import { type JsonValue, stringifyJson } from '../../model/json.ts';
import { storedObject } from '../stored-json.ts';
import { type Commits, type Draft, membersOf } from './commit.ts';
import { entityText, KEYS } from './keys.ts';
import type { Queue } from './queue.ts';

export interface AlarmLimits {
  readonly maxAlarms: number;
  readonly maxAlarmsPerOriginator: number;
}

/** Alarms keep the exact text of their numbers. */
export const alarmOf = (text: string): Alarm => storedObject(text) as unknown as Alarm;
export const textOfAlarm = (alarm: Alarm): string => stringifyJson(alarm as unknown as JsonValue);
export const activeField = (originator: AlarmOriginator, type: string): string => `${entityText(originator)}\0${type}`;
export const prefixOf = (originator: AlarmOriginator): string => `${entityText(originator)}\0`;

/** In the order of the ids; those that are gone meanwhile are left out. */
export async function readAlarms(queue: Queue, ids: readonly string[]): Promise<readonly Alarm[]> {
  if (ids.length === 0) return [];
  const texts = (await queue.send('hmget', [KEYS.alarms, ...ids])) as readonly (string | null)[];
  return texts.flatMap((text) => (text === null ? [] : [alarmOf(text)]));
}

export async function draftAlarm(draft: Draft, id: string): Promise<Alarm | undefined> {
  const text = await draft.field(KEYS.alarms, id);
  return text === undefined ? undefined : alarmOf(text);
}

/** Writes an alarm that is new or takes the place of `former`. */
export function writeAlarm(draft: Draft, alarm: Alarm, former: Alarm | undefined): void {
  const { id, originator, type } = alarm;
  draft.write('hset', KEYS.alarms, id, textOfAlarm(alarm));
  if (former === undefined) {
    draft.write('zadd', KEYS.alarmIds, 0, id);
    draft.write('zadd', KEYS.alarmsOf, 0, `${prefixOf(originator)}${id}`);
    draft.write('hincrby', KEYS.alarmTypes, type, 1);
  }
  if (!alarm.cleared) {
    draft.write('hset', KEYS.alarmsActive, activeField(originator, type), id);
    return;
  }
  if (former?.cleared) return;
  if (former !== undefined) draft.write('hdel', KEYS.alarmsActive, activeField(originator, type));
  draft.write('zadd', KEYS.alarmsCleared, alarm.clearTs ?? 0, id);
}

export async function dropAlarm(draft: Draft, id: string): Promise<Alarm | undefined> {
  const alarm = await draftAlarm(draft, id);
  if (alarm === undefined) return undefined;
  const { originator, type } = alarm;
  draft.write('hdel', KEYS.alarms, id);
  draft.write('zrem', KEYS.alarmIds, id);
  draft.write('zrem', KEYS.alarmsOf, `${prefixOf(originator)}${id}`);
  if (alarm.cleared) draft.write('zrem', KEYS.alarmsCleared, id);
  else draft.write('hdel', KEYS.alarmsActive, activeField(originator, type));
  if ((await draft.field(KEYS.alarmTypes, type)) === '1') draft.write('hdel', KEYS.alarmTypes, type);
  else draft.write('hincrby', KEYS.alarmTypes, type, -1);
  return alarm;
}

/** All alarms of an originator that has been deleted; there are never more than `maxAlarmsPerOriginator`. */
export async function dropAlarmsOf(queue: Queue, commits: Commits, originator: EntityId): Promise<void> {
  const prefix = prefixOf(originator);
  for (const member of await membersOf(queue, KEYS.alarmsOf, prefix)) {
    await commits.step(alarmSubject(originator), (draft) => dropAlarm(draft, member.slice(prefix.length)));
  }
}

/** In this process one step at a time changes the alarms of an originator. */
export const alarmSubject = (originator: AlarmOriginator): string => `alarms ${entityText(originator)}`;

/** Removes what ended first where a limit is reached; false when nothing has ended that could make room. */
export async function makeRoom(
  queue: Queue,
  draft: Draft,
  originator: AlarmOriginator,
  limits: AlarmLimits,
): Promise<boolean> {
  const prefix = prefixOf(originator);
  const [ofOriginator, inAll] = await Promise.all([
    draft.fewer(KEYS.alarmsOf, prefix, limits.maxAlarmsPerOriginator),
    draft.fewer(KEYS.alarmIds, '', limits.maxAlarms),
  ]);
  if (!ofOriginator) {
    const ids = (await membersOf(queue, KEYS.alarmsOf, prefix)).map((member) => member.slice(prefix.length));
    const ended = (await readAlarms(queue, ids)).filter(({ cleared }) => cleared);
    const [first] = ended.sort((a, b) => (a.clearTs ?? 0) - (b.clearTs ?? 0));
    return first !== undefined && (await dropAlarm(draft, first.id)) !== undefined;
  }
  if (inAll) return true;
  const [first] = (await queue.send('zrange', [KEYS.alarmsCleared, 0, 0])) as readonly string[];
  return first !== undefined && (await dropAlarm(draft, first)) !== undefined;
}
