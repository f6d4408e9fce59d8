import type { Device } from '../model/device.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { TimedValue } from '../model/telemetry.ts';

/** One connection of a device, as far as connectivity goes: made when its login is good, before its session opens. */
export interface Presence {
  /** Its session is open: CONNECT_EVENT. */
  opened(): void;
  /** Something came from the device; costs a number written in memory. */
  seen(): void;
  /** The connection is gone: DISCONNECT_EVENT, unless a newer one of the device has taken over. */
  closed(): void;
  /** The connection is gone, and the device has one to another instance: what is known of it here is of no use any more. */
  moved(): void;
}

/** What is stored of a device's connectivity; times in ms, 0 = never. */
export interface Facts {
  active: boolean;
  connectedAt: number;
  disconnectedAt: number;
  activityAt: number;
  alarmAt: number;
  timeoutMs: number;
}

export const FACT_KEYS = [
  'active',
  'lastConnectTime',
  'lastDisconnectTime',
  'lastActivityTime',
  'inactivityAlarmTime',
  'inactivityTimeout',
] as const;

/** Reads server attributes; what is missing or of another type counts as never, or as the default timeout. */
export function readFacts(stored: ReadonlyMap<string, TimedValue>, defaultTimeoutMs: number): Facts {
  const time = (key: (typeof FACT_KEYS)[number]): number => toMs(stored.get(key)?.value);
  return {
    active: stored.get('active')?.value === true,
    connectedAt: time('lastConnectTime'),
    disconnectedAt: time('lastDisconnectTime'),
    activityAt: time('lastActivityTime'),
    alarmAt: time('inactivityAlarmTime'),
    timeoutMs: time('inactivityTimeout') || defaultTimeoutMs,
  };
}

const toMs = (value: JsonValue | undefined): number => {
  const ms = Math.floor(Number(typeof value === 'object' ? String(value) : value));
  return Number.isSafeInteger(ms) && ms > 0 ? ms : 0;
};

/** Body of a state event (thingsboard-device-api 8); CONNECT_EVENT has no `active`. */
export const eventBody = (facts: Facts, withActive: boolean): JsonObject => {
  const times = {
    lastConnectTime: facts.connectedAt,
    lastActivityTime: facts.activityAt,
    lastDisconnectTime: facts.disconnectedAt,
    lastInactivityAlarmTime: facts.alarmAt,
    inactivityTimeout: facts.timeoutMs,
  };
  return withActive ? { active: facts.active, ...times } : times;
};

export const eventMetadata = (device: Device) => ({
  deviceName: device.name,
  deviceLabel: device.label ?? '',
  deviceType: device.profile,
  scope: 'SERVER_SCOPE',
});

/** A time that is further ahead of the clock was told by a clock that was wrong, ms; the brokers of a store may differ by less. */
const AHEAD_MS = 60_000;
export const isAhead = (time: number, now: number): boolean => time - now > AHEAD_MS;

/** A device that has a connection, or activity that is not stored yet. */
export class Entry {
  readonly device: Device;
  /** Last activity, ms; 0 = none since the entry was made. */
  at = 0;
  /** What is stored; undefined until it has been read. */
  facts: Facts | undefined;
  /** A write of `facts` failed: all of them are written again. */
  unsaved = false;
  forgotten = false;
  /** Writes under way: the entry must stay until the store gives back what they wrote. */
  writing = 0;
  /** The newest connection. */
  holder: Connection | undefined;
  /** Connections whose event waits for the facts to be read. */
  waiting: (() => void)[] | undefined;
  /** Until they have been read. */
  ready: Promise<void> | undefined;

  constructor(device: Device) {
    this.device = device;
  }
}

export interface EntryEvents {
  active(entry: Entry): void;
  connected(entry: Entry): void;
  disconnected(entry: Entry): void;
  moved(entry: Entry): void;
  /** Wall time as of the last tick, ms: reading a number costs less than asking the system's clock for each message. */
  now: number;
}

export class Connection implements Presence {
  readonly #entry: Entry;
  readonly #events: EntryEvents;
  /** The open connection that this one is about to take over from. */
  #former: Connection | undefined;
  #open = false;
  #closed = false;

  constructor(entry: Entry, events: EntryEvents) {
    this.#entry = entry;
    this.#events = events;
    const { holder } = entry;
    if (holder) this.#former = holder.#open ? holder : holder.#former;
    entry.holder = this;
  }

  opened(): void {
    this.#open = true;
    this.#former = undefined;
    this.#events.connected(this.#entry);
  }

  seen(): void {
    const entry = this.#entry;
    const { now } = this.#events;
    if (now > entry.at || isAhead(entry.at, now)) entry.at = now;
    if (entry.facts?.active !== true) this.#events.active(entry);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    const entry = this.#entry;
    if (entry.holder !== this) return; // taken over: no event
    const former = this.#former;
    this.#former = undefined;
    const formerGone = former === undefined || former.#closed;
    entry.holder = formerGone ? undefined : former;
    // One that ended before it opened stands for the one it took over from, if that has ended meanwhile.
    if (this.#open || (former && formerGone)) this.#events.disconnected(entry);
  }

  moved(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#former = undefined;
    if (this.#entry.holder !== this) return;
    this.#entry.holder = undefined;
    this.#events.moved(this.#entry);
  }
}
