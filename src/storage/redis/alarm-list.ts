import { ALARM_SEVERITIES, type Alarm, type AlarmSeverity, isGraver, statusOf } from '../../model/alarm.ts';
import type { Page } from '../../model/entity.ts';
import type { AlarmFilter, AlarmQuery } from '../alarm-store.ts';
import type { StoredAttachment } from '../stored-attachment.ts';
import { prefixOf, readAlarms } from './alarm-records.ts';
import { isId, KEYS } from './keys.ts';
import { recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import { pageAt } from './records.ts';

/** Alarms that a search reads at once. */
const ALARMS_PER_PAGE = 500;
const MAX_TIME = 2 ** 48 - 1;

/** One page; without a filter it costs what it holds. */
export async function listAlarms(queue: Queue, query: AlarmQuery): Promise<Page<Alarm>> {
  const { page, pageSize, oldestFirst = false } = query;
  const first = page * pageSize;
  if (isPlain(query)) {
    const span = { min: '-', max: '+', reverse: !oldestFirst, offset: first, limit: pageSize };
    const [total, ids] = await Promise.all([
      queue.send('zcard', [KEYS.alarmIds]) as Promise<number>,
      pageSize > 0 ? readMembers(queue, KEYS.alarmIds, span) : [],
    ]);
    return pageAt(await readAlarms(queue, ids), total, query);
  }
  const data: Alarm[] = [];
  let matches = 0;
  for await (const alarm of matching(queue, query, !oldestFirst)) {
    if (matches >= first && data.length < pageSize) data.push(alarm);
    matches++;
  }
  return pageAt(data, matches, query);
}

export async function highestSeverity(queue: Queue, filter: AlarmFilter): Promise<AlarmSeverity | undefined> {
  let highest: AlarmSeverity | undefined;
  for await (const { severity } of matching(queue, filter, false)) {
    if (highest === undefined || isGraver(severity, highest)) highest = severity;
    if (highest === ALARM_SEVERITIES[0]) break;
  }
  return highest;
}

const isPlain = ({ page: _, pageSize: __, oldestFirst: ___, ...filter }: AlarmQuery): boolean =>
  Object.values(filter).every((value) => value === undefined);

interface MemberSpan {
  readonly min: string;
  readonly max: string;
  readonly reverse: boolean;
  readonly offset: number;
  readonly limit: number;
}

async function readMembers(queue: Queue, key: string, span: MemberSpan): Promise<readonly string[]> {
  const { min, max, reverse, offset, limit } = span;
  const command = reverse ? 'zrevrangebylex' : 'zrangebylex';
  const bounds = reverse ? [max, min] : [min, max];
  return (await queue.send(command, [key, ...bounds, 'LIMIT', offset, limit])) as readonly string[];
}

async function* matching(queue: Queue, filter: AlarmFilter, reverse: boolean): AsyncGenerator<Alarm> {
  const { originator, startTime = 0, endTime = MAX_TIME - 1 } = filter;
  if ((originator !== undefined && !isId(originator.id)) || startTime > endTime) return;
  const prefix = originator === undefined ? '' : prefixOf(originator);
  const key = originator === undefined ? KEYS.alarmIds : KEYS.alarmsOf;
  // Ids begin with the time they were made at.
  let min = `[${prefix}${timeText(startTime)}`;
  let max = `(${prefix}${timeText(endTime + 1)}`;
  for (;;) {
    const members = await readMembers(queue, key, { min, max, reverse, offset: 0, limit: ALARMS_PER_PAGE });
    const alarms = await readAlarms(
      queue,
      members.map((member) => member.slice(prefix.length)),
    );
    const own = filter.supplierId === undefined ? undefined : await attachedTo(queue, filter.supplierId, alarms);
    for (const alarm of alarms) if (matches(alarm, filter) && (own === undefined || own.has(alarm.id))) yield alarm;
    const last = members.at(-1);
    if (last === undefined || members.length < ALARMS_PER_PAGE) return;
    if (reverse) max = `(${last}`;
    else min = `(${last}`;
  }
}

/** The first twelve digits of an id that was made then. */
function timeText(ms: number): string {
  const digits = Math.min(Math.max(0, Math.floor(ms)), MAX_TIME)
    .toString(16)
    .padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}

function matches(alarm: Alarm, { statuses, severities, types, assigneeId, textSearch }: AlarmFilter): boolean {
  if (statuses !== undefined && !statuses.includes(statusOf(alarm))) return false;
  if (severities !== undefined && !severities.includes(alarm.severity)) return false;
  if (types !== undefined && !types.includes(alarm.type)) return false;
  if (assigneeId !== undefined && alarm.assigneeId !== assigneeId) return false;
  return !textSearch || alarm.type.toLowerCase().includes(textSearch.toLowerCase());
}

/** Ids of those alarms whose device is attached to the supplier. */
async function attachedTo(queue: Queue, supplierId: string, alarms: readonly Alarm[]): Promise<ReadonlySet<string>> {
  const ofDevices = alarms.filter(({ originator }) => originator.entityType === 'DEVICE');
  const devices = [...new Set(ofDevices.map(({ originator }) => originator.id))];
  const attachments = await recordsOf<StoredAttachment>(queue, KEYS.attachments, devices);
  const own = new Set(attachments.filter(({ supplier }) => supplier.id === supplierId).map(({ device }) => device.id));
  return new Set(ofDevices.filter(({ originator }) => own.has(originator.id as never)).map(({ id }) => id));
}
