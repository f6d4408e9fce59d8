import type { DeviceId } from '../model/ids.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { Alarms } from '../registry/alarms.ts';
import type { AlarmContext, AlarmStates } from '../rules/index.ts';
import type { AlarmStateStore } from '../storage/alarm-state-store.ts';

/** Alarms as nodes see them; a state that is saved is a write, which its message joins. */
export interface AlarmAccess extends Omit<AlarmContext, 'saveAlarmState' | 'raiseAlarm' | 'clearAlarm'> {
  /** @param hops of the message. */
  raiseAlarm(hops: number, ...call: Parameters<AlarmContext['raiseAlarm']>): ReturnType<AlarmContext['raiseAlarm']>;
  clearAlarm(hops: number, ...call: Parameters<AlarmContext['clearAlarm']>): ReturnType<AlarmContext['clearAlarm']>;
  saveState(...saved: Parameters<AlarmContext['saveAlarmState']>): Promise<void>;
}

export function createAlarmAccess(parts: {
  readonly alarms: Alarms;
  readonly states: AlarmStates;
  readonly store: AlarmStateStore;
  /** In force; asked anew each time. */
  readonly profiles: () => ProfileSet;
}): AlarmAccess {
  const { alarms, states, store, profiles } = parts;
  return {
    alarmStates: states,
    activeAlarm: (originator, type) => alarms.active(originator, type),
    alarm: (id) => alarms.find(id),
    raiseAlarm: (hops, request, by) => alarms.raise(request, by, hops),
    async clearAlarm(hops, id, by, details) {
      if ((await alarms.find(id)) === undefined) return undefined;
      const { kind, alarm } = await alarms.clear(id, by, { hops, ...(details === undefined ? {} : { details }) });
      return kind === 'changed' ? alarm : undefined;
    },
    alarmRules: (profile) => profiles().byName(profile)?.alarmRules,
    async loadAlarmState(at, { id }) {
      return (await store.load(id as DeviceId, at))?.state;
    },
    saveState: (at, { id }, { state, dueAt }) =>
      store.save({ deviceId: id, at, state, ...(dueAt === undefined ? {} : { dueAt }) }),
  };
}
