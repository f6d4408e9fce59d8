import { type Alarm, type AlarmOriginator, type AlarmRequest, cleared, raise } from '../../model/alarm.ts';
import type { AlarmChange, AlarmStore, RaiseResult } from '../alarm-store.ts';
import { highestSeverity, listAlarms } from './alarm-list.ts';
import { activeKey, dropAlarm, makeRoom, originatorKey, readAlarm, writeAlarm } from './alarm-records.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { ID_BYTES, idKey, textOf } from './keys.ts';

export interface AlarmLimits {
  readonly maxAlarms: number;
  readonly maxAlarmsPerOriginator: number;
}

export function createAlarmStore(environment: Environment, committer: Committer, limits: AlarmLimits): AlarmStore {
  const { tables } = environment;

  const change = (id: string, turn: (alarm: Alarm) => Alarm | undefined): Promise<AlarmChange | undefined> => {
    const key = idKey(id);
    if (key === undefined) return Promise.resolve(undefined);
    return committer.run(() => {
      const alarm = readAlarm(tables, key);
      if (alarm === undefined) return undefined;
      const next = turn(alarm);
      if (next === undefined) return { kind: 'unchanged', alarm };
      writeAlarm(tables, next, alarm);
      return { kind: 'changed', alarm: next };
    });
  };

  return {
    raise: (request) => committer.run(() => raiseAlarm(tables, request, limits)),

    async get(id) {
      const key = idKey(id);
      return key && readAlarm(tables, key);
    },

    active: async (originator, type) => activeAlarm(tables, originatorKey(originator), type),

    clear: (id, at, details) => change(id, (alarm) => (alarm.cleared ? undefined : cleared(alarm, at, details))),

    acknowledge: (id, at) =>
      change(id, (alarm) => (alarm.acknowledged ? undefined : { ...alarm, acknowledged: true, ackTs: at })),

    assign: (id, assignee, at) =>
      change(id, ({ assigneeId, assignTs, ...alarm }) => {
        if (assigneeId === assignee) return undefined;
        return assignee === undefined ? alarm : { ...alarm, assigneeId: assignee, assignTs: at };
      }),

    remove(id) {
      const key = idKey(id);
      return key === undefined ? Promise.resolve(undefined) : committer.run(() => dropAlarm(tables, key));
    },

    list: (query) => listAlarms(environment, query),
    highestSeverity: (filter) => highestSeverity(environment, filter),

    async types() {
      return [...tables.alarmTypes.keys({ from: Buffer.from([1]), to: Buffer.from([2]) })].map(textOf);
    },
  };
}

function activeAlarm(tables: Tables, originator: Buffer | undefined, type: string): Alarm | undefined {
  const id = originator && tables.alarmsActive.get(activeKey(originator, type));
  return id && readAlarm(tables, id.subarray(0, ID_BYTES));
}

function raiseAlarm(tables: Tables, request: AlarmRequest, limits: AlarmLimits): RaiseResult {
  const originator = originatorKey(request.originator);
  if (originator === undefined || !exists(tables, request.originator)) return { kind: 'unknown-originator' };
  const active = activeAlarm(tables, originator, request.type);
  if (active === undefined && !makeRoom(tables, originator, limits)) return { kind: 'full' };
  const raised = raise(active, request);
  if (raised.kind !== 'outranked') writeAlarm(tables, raised.alarm, active);
  return raised;
}

function exists(tables: Tables, { entityType, id }: AlarmOriginator): boolean {
  const key = idKey(id);
  if (key === undefined) return false;
  switch (entityType) {
    case 'DEVICE':
      return tables.devices.has(key);
    case 'ASSET':
      return tables.assets.has(key);
    case 'CUSTOMER':
      return tables.customers.has(key);
    case 'TENANT':
      return true;
  }
}
