import { newUuid, parseUuid, type UserId } from './ids.ts';
import type { JsonObject, JsonValue } from './json.ts';

export type AlarmId = string & { readonly __brand: 'AlarmId' };

/** Ids sort by the time they were made at, so alarms do as well. */
export const newAlarmId = (nowMs: number): AlarmId => newUuid(nowMs) as AlarmId;
export const parseAlarmId = (text: string): AlarmId | undefined => parseUuid(text) as AlarmId | undefined;

/** Gravest first: the order in which rules are tried. */
export const ALARM_SEVERITIES = ['CRITICAL', 'MAJOR', 'MINOR', 'WARNING', 'INDETERMINATE'] as const;
export type AlarmSeverity = (typeof ALARM_SEVERITIES)[number];

export const ALARM_STATUSES = ['ACTIVE_UNACK', 'ACTIVE_ACK', 'CLEARED_UNACK', 'CLEARED_ACK'] as const;
export type AlarmStatus = (typeof ALARM_STATUSES)[number];

/** What an alarm is about. */
export interface AlarmOriginator {
  readonly entityType: 'DEVICE' | 'ASSET' | 'CUSTOMER' | 'TENANT';
  readonly id: string;
}

/** Who else shall see an alarm: kept and shown, as ThingsBoard's clients set it. */
export interface AlarmPropagation {
  readonly propagate: boolean;
  readonly propagateToOwner: boolean;
  readonly propagateToTenant: boolean;
  readonly propagateRelationTypes: readonly string[];
}

export const NO_PROPAGATION: AlarmPropagation = {
  propagate: false,
  propagateToOwner: false,
  propagateToTenant: false,
  propagateRelationTypes: [],
};

/** Something that is wrong with its originator. Of one originator and type, at most one alarm is not cleared. */
export interface Alarm extends AlarmPropagation {
  readonly id: AlarmId;
  readonly createdAt: number;
  readonly type: string;
  readonly originator: AlarmOriginator;
  readonly severity: AlarmSeverity;
  readonly acknowledged: boolean;
  readonly cleared: boolean;
  readonly assigneeId?: UserId;
  readonly startTs: number;
  /** Of the last update. */
  readonly endTs: number;
  readonly ackTs?: number;
  readonly clearTs?: number;
  readonly assignTs?: number;
  readonly details: JsonValue;
}

/** What a new alarm is made of, or what becomes of the active one. */
export interface AlarmRequest {
  readonly originator: AlarmOriginator;
  readonly type: string;
  readonly severity: AlarmSeverity;
  /** When it began; only for a new one. */
  readonly startTs: number;
  /** Now, ms. */
  readonly at: number;
  /** Absent: those of the active alarm stay. */
  readonly details?: JsonValue;
  readonly propagation?: AlarmPropagation;
  /** An active alarm of a graver severity stays as it is. */
  readonly noDowngrade?: boolean;
}

/** `outranked`: the active alarm is graver and has not been changed. */
export type RaiseKind = 'created' | 'updated' | 'severity-updated' | 'outranked';
export interface Raised {
  readonly kind: RaiseKind;
  readonly alarm: Alarm;
}

export function statusOf({ cleared, acknowledged }: Pick<Alarm, 'cleared' | 'acknowledged'>): AlarmStatus {
  return `${cleared ? 'CLEARED' : 'ACTIVE'}_${acknowledged ? 'ACK' : 'UNACK'}`;
}

/** True when `a` is graver than `b`. */
export const isGraver = (a: AlarmSeverity, b: AlarmSeverity): boolean =>
  ALARM_SEVERITIES.indexOf(a) < ALARM_SEVERITIES.indexOf(b);

/** The one rule of create-or-update: every store and the chain tester apply it. `active`: the alarm that is not cleared. */
export function raise(active: Alarm | undefined, request: AlarmRequest): Raised {
  const { originator, type, severity, at, details, propagation, noDowngrade } = request;
  if (active === undefined) {
    const startTs = Math.min(request.startTs, at);
    const alarm: Alarm = {
      ...(propagation ?? NO_PROPAGATION),
      id: newAlarmId(at),
      createdAt: at,
      type,
      originator: { entityType: originator.entityType, id: originator.id },
      severity,
      acknowledged: false,
      cleared: false,
      startTs,
      endTs: startTs,
      details: details ?? {},
    };
    return { kind: 'created', alarm };
  }
  if (noDowngrade && isGraver(active.severity, severity)) return { kind: 'outranked', alarm: active };
  const alarm = {
    ...active,
    ...propagation,
    severity,
    endTs: Math.max(active.startTs, at),
    ...(details === undefined ? {} : { details }),
  };
  return { kind: severity === active.severity ? 'updated' : 'severity-updated', alarm };
}

/** The alarm after its end; `details` take the place of the former ones. */
export function cleared(alarm: Alarm, at: number, details?: JsonValue): Alarm {
  return { ...alarm, cleared: true, clearTs: at, ...(details === undefined ? {} : { details }) };
}

/** An alarm as ThingsBoard shows it, over REST and in messages for the chains. */
export function describeAlarm(alarm: Alarm) {
  const { id, createdAt, type, originator, severity, acknowledged, assigneeId, startTs, endTs } = alarm;
  return {
    id: { entityType: 'ALARM', id },
    createdTime: createdAt,
    type,
    name: type,
    originator: { entityType: originator.entityType, id: originator.id },
    severity,
    status: statusOf(alarm),
    acknowledged,
    cleared: alarm.cleared,
    assigneeId: assigneeId === undefined ? null : { entityType: 'USER', id: assigneeId },
    startTs,
    endTs,
    ackTs: alarm.ackTs ?? 0,
    clearTs: alarm.clearTs ?? 0,
    assignTs: alarm.assignTs ?? 0,
    details: alarm.details,
    propagate: alarm.propagate,
    propagateToOwner: alarm.propagateToOwner,
    propagateToTenant: alarm.propagateToTenant,
    propagateRelationTypes: [...alarm.propagateRelationTypes],
  } satisfies JsonObject;
}
