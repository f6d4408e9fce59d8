import type { Alarm, AlarmSeverity } from '../../model/alarm.ts';
import { ALARM_SEVERITIES, isGraver } from '../../model/alarm.ts';
import type { Page } from '../../model/entity.ts';
import type { AlarmFilter, AlarmQuery } from '../alarm-store.ts';
import type { StoredAttachment } from '../stored-attachment.ts';
import { ALARMS, originatorKey, severityAt, statusAt, unpackAlarm } from './alarm-records.ts';
import type { Environment, Span, Tables } from './environment.ts';
import { ID_BYTES, idKey, joinKey, sequenceKey } from './keys.ts';
import { getJson, pageOf, readCounter } from './records.ts';

/** Alarms that a search looks at before it lets other work of the process run. */
const ALARMS_PER_TURN = 2000;
const MAX_TIME = 2 ** 48 - 2;

/** One page; without a filter it costs what it holds. */
export async function listAlarms(environment: Environment, query: AlarmQuery): Promise<Page<Alarm>> {
  const { page, pageSize, oldestFirst = false } = query;
  const { alarms, counters } = environment.tables;
  if (isPlain(query)) {
    const span = { from: Buffer.from([0]), to: Buffer.alloc(ID_BYTES + 1, 0xff), reverse: !oldestFirst };
    const toItem = (_: Buffer, record: Buffer): Alarm => unpackAlarm(record);
    return pageOf(alarms, span, { page, pageSize, total: readCounter(counters, ALARMS), toItem });
  }
  const first = page * pageSize;
  const data: Alarm[] = [];
  let matches = 0;
  for await (const record of matching(environment, query, !oldestFirst)) {
    if (matches >= first && data.length < pageSize) data.push(unpackAlarm(record));
    matches++;
  }
  return { data, totalElements: matches, hasNext: first + pageSize < matches };
}

export async function highestSeverity(
  environment: Environment,
  filter: AlarmFilter,
): Promise<AlarmSeverity | undefined> {
  let highest: AlarmSeverity | undefined;
  for await (const record of matching(environment, filter, false)) {
    const severity = severityAt(record);
    if (severity !== undefined && (highest === undefined || isGraver(severity, highest))) highest = severity;
    if (highest === ALARM_SEVERITIES[0]) break;
  }
  return highest;
}

const isPlain = ({ page: _, pageSize: __, oldestFirst: ___, ...filter }: AlarmQuery): boolean =>
  Object.values(filter).every((value) => value === undefined);

async function* matching(environment: Environment, filter: AlarmFilter, reverse: boolean): AsyncGenerator<Buffer> {
  const { tables } = environment;
  const { originator, startTime = 0, endTime = MAX_TIME } = filter;
  const prefix = originator === undefined ? Buffer.alloc(0) : originatorKey(originator);
  if (prefix === undefined || startTime > endTime) return;
  const matches = test(tables, filter);
  // Ids begin with the time they were made at.
  const span: Span = { from: joinKey(prefix, timeKey(startTime)), to: joinKey(prefix, timeKey(endTime + 1)), reverse };
  const table = originator === undefined ? tables.alarms : tables.alarmsOf;
  const snapshot = environment.snapshot();
  let seen = 0;
  try {
    for (const { key, value } of table.entries({ ...span, snapshot })) {
      if (++seen % ALARMS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      const record = originator === undefined ? value : tables.alarms.get(key.subarray(-ID_BYTES), snapshot);
      if (record !== undefined && matches(record)) yield record;
    }
  } finally {
    snapshot.done();
  }
}

const timeKey = (ms: number): Buffer => sequenceKey(Math.min(Math.max(0, Math.floor(ms)), MAX_TIME + 1));

/** The cheap tests first. */
function test(tables: Tables, filter: AlarmFilter): (record: Buffer) => boolean {
  const { statuses, severities, types, assigneeId, textSearch, supplierId } = filter;
  const part = textSearch?.toLowerCase() || undefined;
  const readsJson = types ?? assigneeId ?? part ?? supplierId;
  const own = supplierId === undefined ? undefined : attachedTo(tables, supplierId);
  return (record) => {
    const status = statusAt(record);
    const severity = severityAt(record);
    if (statuses !== undefined && (status === undefined || !statuses.includes(status))) return false;
    if (severities !== undefined && (severity === undefined || !severities.includes(severity))) return false;
    if (readsJson === undefined) return true;
    const alarm = unpackAlarm(record);
    if (types !== undefined && !types.includes(alarm.type)) return false;
    if (assigneeId !== undefined && alarm.assigneeId !== assigneeId) return false;
    if (part !== undefined && !alarm.type.toLowerCase().includes(part)) return false;
    return own === undefined || (alarm.originator.entityType === 'DEVICE' && own(alarm.originator.id));
  };
}

function attachedTo(tables: Tables, supplierId: string): (device: string) => boolean {
  const known = new Map<string, boolean>();
  return (device) => {
    let own = known.get(device);
    if (own === undefined) {
      const key = idKey(device);
      own = key !== undefined && getJson<StoredAttachment>(tables.attachments, key)?.supplier.id === supplierId;
      known.set(device, own);
    }
    return own;
  };
}
