import { BrokerError } from '../errors.ts';
import type { Alarm, AlarmId, AlarmOriginator, AlarmRequest, AlarmSeverity, Raised } from '../model/alarm.ts';
import type { Clock } from '../model/clock.ts';
import type { Page } from '../model/entity.ts';
import type { UserId } from '../model/ids.ts';
import { type JsonValue, stringifyJson } from '../model/json.ts';
import type { AlarmChange, AlarmFilter, AlarmQuery, AlarmStore } from '../storage/alarm-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { nameProblem } from './registry.ts';

const MAX_DETAILS_BYTES = 65_536;

/** What became of an alarm; an update that changes no more than details is not told. */
export type AlarmEvent =
  | 'created'
  | 'severity-updated'
  | 'cleared'
  | 'acknowledged'
  | 'assigned'
  | 'unassigned'
  | 'deleted';
/** `hops`: of the message whose chain did it; undefined for what people do. */
export type AlarmListener = (event: AlarmEvent, alarm: Alarm, hops?: number) => void;

/** Who does something to an alarm, and when. */
interface Act {
  readonly by: string;
  readonly at: number;
  readonly hops?: number | undefined;
}

/** Alarms, with the audit of who made, ended and handled them. Unknown alarms throw NOT_FOUND. */
export interface Alarms {
  /**
   * Makes an alarm or updates the active one of the same originator and type. Without `startTs` it begins now.
   * Throws ALARM_LIMIT, BAD_REQUEST, DEVICE_NOT_FOUND and NOT_FOUND for what raises it. `hops` is for the listeners.
   */
  raise(
    request: Omit<AlarmRequest, 'at' | 'startTs'> & { readonly startTs?: number },
    by: string,
    hops?: number,
  ): Promise<Raised>;
  clear(id: AlarmId, by: string, more?: { readonly details?: JsonValue; readonly hops?: number }): Promise<AlarmChange>;
  acknowledge(id: AlarmId, by: string): Promise<AlarmChange>;
  /** `undefined` takes the assignee away. */
  assign(id: AlarmId, assignee: UserId | undefined, by: string): Promise<AlarmChange>;
  remove(id: AlarmId, by: string): Promise<Alarm>;
  get(id: AlarmId): Promise<Alarm>;
  find(id: AlarmId): Promise<Alarm | undefined>;
  /** The one that is not cleared. */
  active(originator: AlarmOriginator, type: string): Promise<Alarm | undefined>;
  list(query: AlarmQuery): Promise<Page<Alarm>>;
  highestSeverity(filter: AlarmFilter): Promise<AlarmSeverity | undefined>;
  types(): Promise<readonly string[]>;
  /** Hears of every event from then on, after it is stored. */
  onEvent(listener: AlarmListener): void;
}

export function createAlarms(parts: {
  readonly store: AlarmStore;
  readonly audit: AuditStore;
  readonly clock: Clock;
}): Alarms {
  const { store, audit, clock } = parts;
  const listeners: AlarmListener[] = [];

  const note = async (event: AlarmEvent, alarm: Alarm, { by, at, hops }: Act): Promise<void> => {
    const { id, type, severity, originator } = alarm;
    const facts = { type, severity, originator: `${originator.entityType.toLowerCase()}:${originator.id}` };
    await audit.append({ at, action: `alarm.${VERBS[event]}`, by, subject: `alarm:${id}`, outcome: event, facts });
    for (const listener of listeners) listener(event, alarm, hops);
  };
  const known = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new BrokerError('NOT_FOUND', { field: 'alarmId', detail: 'there is no such alarm' });
    return thing;
  };
  const changed = async (
    change: Promise<AlarmChange | undefined>,
    event: AlarmEvent,
    act: Act,
  ): Promise<AlarmChange> => {
    const result = known(await change);
    if (result.kind === 'changed') await note(event, result.alarm, act);
    return result;
  };

  return {
    async raise(request, by, hops) {
      const at = clock.now();
      checkType(request.type);
      checkDetails(request.details);
      const result = await store.raise({ ...request, startTs: request.startTs ?? at, at });
      switch (result.kind) {
        case 'full':
          throw new BrokerError('ALARM_LIMIT');
        case 'unknown-originator':
          throw unknownOriginator(request.originator);
        case 'created':
        case 'severity-updated':
          await note(result.kind, result.alarm, { by, at, hops });
          return result;
        case 'updated':
        case 'outranked':
          return result;
      }
    },
    async clear(id, by, { details, hops } = {}) {
      checkDetails(details);
      const at = clock.now();
      return changed(store.clear(id, at, details), 'cleared', { by, at, hops });
    },
    acknowledge(id, by) {
      const at = clock.now();
      return changed(store.acknowledge(id, at), 'acknowledged', { by, at });
    },
    assign(id, assignee, by) {
      const at = clock.now();
      return changed(store.assign(id, assignee, at), assignee === undefined ? 'unassigned' : 'assigned', { by, at });
    },
    async remove(id, by) {
      const alarm = known(await store.remove(id));
      await note('deleted', alarm, { by, at: clock.now() });
      return alarm;
    },
    get: async (id) => known(await store.get(id)),
    find: (id) => store.get(id),
    active: (originator, type) => store.active(originator, type),
    list: (query) => store.list(query),
    highestSeverity: (filter) => store.highestSeverity(filter),
    types: () => store.types(),
    onEvent(listener) {
      listeners.push(listener);
    },
  };
}

const VERBS = {
  created: 'create',
  'severity-updated': 'update',
  cleared: 'clear',
  acknowledged: 'acknowledge',
  assigned: 'assign',
  unassigned: 'unassign',
  deleted: 'delete',
} as const satisfies Record<AlarmEvent, string>;

function checkType(type: string): void {
  const problem = nameProblem(type, 'type of the alarm');
  if (problem) throw new BrokerError('BAD_REQUEST', { field: 'type', detail: problem });
}

function checkDetails(details: JsonValue | undefined): void {
  if (details === undefined || Buffer.byteLength(stringifyJson(details)) <= MAX_DETAILS_BYTES) return;
  const detail = `the details of the alarm are longer than ${MAX_DETAILS_BYTES} bytes`;
  throw new BrokerError('BAD_REQUEST', { field: 'details', detail });
}

function unknownOriginator({ entityType, id }: AlarmOriginator): BrokerError {
  if (entityType === 'DEVICE') return new BrokerError('DEVICE_NOT_FOUND', { device: id });
  return new BrokerError('NOT_FOUND', { field: 'originator', detail: `there is no such ${entityType.toLowerCase()}` });
}
