import type { Alarm, AlarmId, AlarmOriginator, AlarmRequest, Raised } from '../model/alarm.ts';
import type { JsonValue } from '../model/json.ts';
import type { DeviceOriginator } from '../model/msg.ts';
import type { AlarmPlace, AlarmRules, AlarmStates } from './alarms/index.ts';

/** Alarms, and what the rules that raise them are made of. Every promise of a write settles after it is durable. */
export interface AlarmContext {
  /** The alarm that is not cleared. */
  activeAlarm(originator: AlarmOriginator, type: string): Promise<Alarm | undefined>;
  alarm(id: AlarmId): Promise<Alarm | undefined>;
  /**
   * Makes an alarm or updates the active one of this originator and type, in one atomic step.
   * @param by `chain:<chain>/<node>`, for the audit. @throws BrokerError when no more alarms fit.
   */
  raiseAlarm(request: Omit<AlarmRequest, 'at'>, by: string): Promise<Raised>;
  /** Undefined when it is gone or cleared already. Without details the former ones stay. */
  clearAlarm(id: AlarmId, by: string, details?: JsonValue): Promise<Alarm | undefined>;
  /** The alarm rules of a device profile; undefined when it has none. */
  alarmRules(profile: string): AlarmRules | undefined;
  /** What is kept in memory of devices for their alarm rules. */
  readonly alarmStates: AlarmStates;
  /** A state that outlives the process; undefined when none was saved. */
  loadAlarmState(at: AlarmPlace, originator: DeviceOriginator): Promise<JsonValue | undefined>;
  /** Queues it. `dueAt`: when the device is to be looked at though nothing comes, also after a restart. */
  saveAlarmState(
    at: AlarmPlace,
    originator: DeviceOriginator,
    saved: { readonly state: JsonValue; readonly dueAt: number | undefined },
  ): void;
}
