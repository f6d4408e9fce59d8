import { type Alarm, type AlarmRequest, cleared, raise } from '../../model/alarm.ts';
import type { AlarmChange, AlarmStore, RaiseResult } from '../alarm-store.ts';
import { highestSeverity, listAlarms } from './alarm-list.ts';
import {
  type AlarmLimits,
  activeField,
  alarmSubject,
  draftAlarm,
  dropAlarm,
  makeRoom,
  readAlarms,
  writeAlarm,
} from './alarm-records.ts';
import type { Commits, Draft } from './commit.ts';
import { hasEntity } from './entities.ts';
import { isId, KEYS } from './keys.ts';
import type { Queue } from './queue.ts';

export interface AlarmStoreParts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly limits: AlarmLimits;
}

export function createAlarmStore({ queue, commits, limits }: AlarmStoreParts): AlarmStore {
  const get = async (id: string): Promise<Alarm | undefined> => (await readAlarms(queue, [id]))[0];

  /** Behind the other steps on the alarms of the same originator, which is found first. */
  async function step<T>(id: string, work: (draft: Draft) => Promise<T>): Promise<T | undefined> {
    const alarm = await get(id);
    return alarm && commits.run(alarmSubject(alarm.originator), work);
  }

  const change = (id: string, turn: (alarm: Alarm) => Alarm | undefined): Promise<AlarmChange | undefined> =>
    step(id, async (draft) => {
      const alarm = await draftAlarm(draft, id);
      if (alarm === undefined) return undefined;
      const next = turn(alarm);
      if (next === undefined) return { kind: 'unchanged', alarm } as const;
      writeAlarm(draft, next, alarm);
      return { kind: 'changed', alarm: next } as const;
    });

  async function raiseAlarm(draft: Draft, request: AlarmRequest): Promise<RaiseResult> {
    const { originator, type } = request;
    if (!isId(originator.id)) return { kind: 'unknown-originator' };
    const [known, id] = await Promise.all([
      originator.entityType === 'TENANT' || hasEntity(draft, originator),
      draft.field(KEYS.alarmsActive, activeField(originator, type)),
    ]);
    if (!known) return { kind: 'unknown-originator' };
    const active = id === undefined ? undefined : await draftAlarm(draft, id);
    if (active === undefined && !(await makeRoom(queue, draft, originator, limits))) return { kind: 'full' };
    const raised = raise(active, request);
    if (raised.kind !== 'outranked') writeAlarm(draft, raised.alarm, active);
    return raised;
  }

  return {
    raise: (request) => commits.run(alarmSubject(request.originator), (draft) => raiseAlarm(draft, request)),
    get,

    async active(originator, type) {
      const id = (await queue.send('hget', [KEYS.alarmsActive, activeField(originator, type)])) as string | null;
      return id === null ? undefined : get(id);
    },

    clear: (id, at, details) => change(id, (alarm) => (alarm.cleared ? undefined : cleared(alarm, at, details))),

    acknowledge: (id, at) =>
      change(id, (alarm) => (alarm.acknowledged ? undefined : { ...alarm, acknowledged: true, ackTs: at })),

    assign: (id, assignee, at) =>
      change(id, ({ assigneeId, assignTs, ...alarm }) => {
        if (assigneeId === assignee) return undefined;
        return assignee === undefined ? alarm : { ...alarm, assigneeId: assignee, assignTs: at };
      }),

    remove: (id) => step(id, (draft) => dropAlarm(draft, id)),
    list: (query) => listAlarms(queue, query),
    highestSeverity: (filter) => highestSeverity(queue, filter),

    async types() {
      const types = (await queue.send('hkeys', [KEYS.alarmTypes])) as readonly string[];
      return types.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    },
  };
}
