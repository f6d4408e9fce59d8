import type {
  Alarm,
  AlarmId,
  AlarmOriginator,
  AlarmRequest,
  AlarmSeverity,
  AlarmStatus,
  Raised,
} from '../model/alarm.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import type { AssetId, UserId } from '../model/ids.ts';
import type { JsonValue } from '../model/json.ts';

/** Which alarms; members that are absent do not narrow. */
export interface AlarmFilter {
  readonly originator?: AlarmOriginator;
  /** Only alarms of devices that are attached to this supplier now. */
  readonly supplierId?: AssetId;
  readonly statuses?: readonly AlarmStatus[];
  readonly severities?: readonly AlarmSeverity[];
  readonly types?: readonly string[];
  readonly assigneeId?: UserId;
  /** Case-insensitive part of the type. */
  readonly textSearch?: string;
  /** Bounds of the creation, ms, both inclusive. */
  readonly startTime?: number;
  readonly endTime?: number;
}

export type AlarmQuery = AlarmFilter & PageQuery & { readonly oldestFirst?: boolean };

/** `full`: no alarm has ended that could make room. */
export type RaiseResult = Raised | { readonly kind: 'unknown-originator' } | { readonly kind: 'full' };
/** `unchanged`: it was so already. */
export type AlarmChange = { readonly kind: 'changed' | 'unchanged'; readonly alarm: Alarm };

/**
 * Alarms. Of one originator and type at most one is active. At most `maxAlarms` of the store's options in all and
 * `maxAlarmsPerOriginator` are kept: those that ended first go first, active ones stay. Alarms go with their originator.
 */
export interface AlarmStore {
  /** Makes an alarm, or updates the active one of this originator and type (`raise` of the model), in one atomic step. */
  raise(request: AlarmRequest): Promise<RaiseResult>;
  get(id: AlarmId): Promise<Alarm | undefined>;
  /** The alarm of this originator and type that is not cleared. */
  active(originator: AlarmOriginator, type: string): Promise<Alarm | undefined>;
  /** Ends an alarm; undefined when it is unknown. */
  clear(id: AlarmId, at: number, details?: JsonValue): Promise<AlarmChange | undefined>;
  acknowledge(id: AlarmId, at: number): Promise<AlarmChange | undefined>;
  /** `undefined` takes the assignee away. */
  assign(id: AlarmId, assignee: UserId | undefined, at: number): Promise<AlarmChange | undefined>;
  /** Gives what was removed. */
  remove(id: AlarmId): Promise<Alarm | undefined>;
  /** Newest first unless asked otherwise. */
  list(query: AlarmQuery): Promise<Page<Alarm>>;
  /** The gravest severity among these alarms; undefined when there are none. */
  highestSeverity(filter: AlarmFilter): Promise<AlarmSeverity | undefined>;
  /** The types that alarms have, in order of their text. */
  types(): Promise<readonly string[]>;
}
