import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { Log } from '../observe/index.ts';
import type { DeviceStateEvent } from '../rules/index.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { ConnectivityStore, ConnectivityWrite } from '../storage/connectivity-store.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { MessageRunner } from './message-runner.ts';
import {
  Connection,
  Entry,
  eventBody,
  eventMetadata,
  FACT_KEYS,
  type Facts,
  isAhead,
  type Presence,
  readFacts,
} from './presence.ts';

export interface ConnectivityOptions {
  /** Silence after which a device counts as inactive, ms; its server attribute `inactivityTimeout` wins. */
  readonly inactivityTimeoutMs: number;
  /** How often silence is looked for, ms. */
  readonly checkIntervalMs: number;
  /** `lastActivityTime` is stored at most so often per device, ms. */
  readonly reportIntervalMs: number;
}

/** Who is connected and who is active, as events for the chains and as server attributes (thingsboard-device-api 8). */
export interface Connectivity {
  /** A connection of the device whose login is good. */
  presence(device: Device): Presence;
  /** Activity without a connection, such as an HTTP request. */
  seen(device: Device): void;
  /** `inactivityTimeout` of the device was written or removed: its state is looked at anew, at once. Never rejects. */
  timeoutChanged(id: DeviceId): Promise<void>;
  /** Notes an event that a rule chain tells, as if it had been seen; an unknown device is none. Never rejects. */
  tell(id: DeviceId, event: DeviceStateEvent): Promise<void>;
  /** The device is deleted. */
  forget(id: DeviceId): void;
  /** Devices held in memory: those with a connection, and those whose activity is not stored yet. */
  readonly size: number;
  /** Ends the timers and stores what is known. */
  stop(): Promise<void>;
}

export interface ConnectivityParts {
  readonly store: ConnectivityStore;
  readonly attributes: AttributeStore;
  readonly devices: Pick<RegistryStore, 'device'>;
  readonly runner: Pick<MessageRunner, 'run'>;
  readonly elsewhere: StateElsewhere;
  readonly clock: Clock;
  readonly log: Log;
}

/** What other instances do for the state of devices. */
export interface StateElsewhere {
  /** False: there are no others. */
  readonly shared: boolean;
  /** Whether this instance looks for silent devices, for all. */
  readonly leads: boolean;
  /** Asks the instance that has the device's session to look at its state; false when that is this one, or none. */
  check(id: DeviceId): Promise<boolean>;
}

/** How exact the time of activity is, ms. */
const TICK_MS = 250;
/** Devices that one step of a sweep writes. */
const STEP = 250;
/** Devices without a connection that may be held until their activity is stored; activity of more is let go. */
const MAX_WITHOUT_CONNECTION = 100_000;

export function createConnectivity(options: ConnectivityOptions, parts: ConnectivityParts): Connectivity {
  const { store, attributes, devices, runner, clock, log, elsewhere } = parts;
  const entries = new Map<DeviceId, Entry>();
  let withoutConnection = 0;
  let stopped = false;
  const nothing = (): void => {};
  /** A time of a clock that was ahead becomes the one that it is: else the device would not be silent before that time. */
  const upToNow = (time: number): number => (isAhead(time, clock.now()) ? clock.now() : time);
  const activityOf = (entry: Entry, facts: Facts): number => {
    entry.at = upToNow(entry.at);
    return Math.max(upToNow(facts.activityAt), entry.at);
  };

  const raise = (type: string, device: Device, facts: Facts): void =>
    runner.run(
      {
        device,
        type,
        ts: clock.now(),
        data: eventBody(facts, type !== 'CONNECT_EVENT'),
        metadata: eventMetadata(device),
      },
      nothing,
    );

  const read = async (id: DeviceId): Promise<Facts> =>
    readFacts(await attributes.read(id, 'SERVER_SCOPE', FACT_KEYS), options.inactivityTimeoutMs);

  const save = async (entry: Entry, change: ConnectivityWrite): Promise<void> => {
    entry.writing++;
    try {
      await store.save([change]);
    } catch (error) {
      entry.unsaved = true; // the next report writes everything
      log.warn({ event: 'state.not-stored', device: entry.device.id, err: error }, 'connectivity not stored');
      throw error;
    } finally {
      entry.writing--;
      // Another instance may have the device next: what is known here of one without a connection would be old then.
      if (elsewhere.shared && !entry.holder) release(entry);
    }
  };

  /** Attributes and the event behind them are called in one turn: they share a commit, a crash leaves both or none. */
  const write = (entry: Entry, values: JsonObject, due?: number): void => {
    const change = { deviceId: entry.device.id, values, ts: clock.now(), ...(due === undefined ? {} : { due }) };
    save(entry, change).catch(nothing);
  };

  const release = (entry: Entry): void => {
    const { facts, device } = entry;
    if (entry.holder || entry.writing > 0 || entry.unsaved || !facts || entry.at > facts.activityAt) return;
    if (entries.get(device.id) === entry) entries.delete(device.id);
  };

  const whenKnown = (entry: Entry, act: (facts: Facts) => void): void => {
    if (entry.forgotten) return;
    if (entry.facts) act(entry.facts);
    else {
      entry.waiting ??= [];
      entry.waiting.push(() => entry.facts && act(entry.facts));
    }
  };

  const activate = (entry: Entry, facts: Facts, at: number): void => {
    facts.active = true;
    facts.activityAt = Math.max(upToNow(facts.activityAt), at);
    const reset = facts.alarmAt > facts.activityAt;
    if (reset) facts.alarmAt = 0;
    const values = { active: true, lastActivityTime: facts.activityAt, ...(reset ? { inactivityAlarmTime: 0 } : {}) };
    write(entry, values, facts.activityAt + facts.timeoutMs);
    raise('ACTIVITY_EVENT', entry.device, facts);
  };

  const wake = (entry: Entry): void => {
    if (entry.facts && !entry.facts.active && !entry.forgotten) activate(entry, entry.facts, entry.at);
  };

  const events = {
    now: clock.now(),
    active(entry: Entry): void {
      entry.at = Math.max(upToNow(entry.at), clock.now());
      wake(entry);
    },
    connected(entry: Entry): void {
      const at = clock.now();
      entry.at = Math.max(upToNow(entry.at), at);
      whenKnown(entry, (facts) => {
        facts.connectedAt = Math.max(upToNow(facts.connectedAt), at);
        write(entry, { lastConnectTime: facts.connectedAt });
        raise('CONNECT_EVENT', entry.device, facts);
        wake(entry); // an open session is activity
      });
    },
    moved(entry: Entry): void {
      entry.forgotten = true;
      if (entries.get(entry.device.id) === entry) entries.delete(entry.device.id);
    },
    disconnected(entry: Entry): void {
      const at = clock.now();
      whenKnown(entry, (facts) => {
        facts.disconnectedAt = Math.max(upToNow(facts.disconnectedAt), at);
        const wasAhead = isAhead(facts.activityAt, at);
        facts.activityAt = activityOf(entry, facts);
        const values = { lastDisconnectTime: facts.disconnectedAt, lastActivityTime: facts.activityAt };
        write(entry, values, wasAhead && facts.active ? facts.activityAt + facts.timeoutMs : undefined);
        raise('DISCONNECT_EVENT', entry.device, facts);
      });
    },
  };

  const load = async (entry: Entry): Promise<void> => {
    try {
      entry.facts = await read(entry.device.id);
    } catch (error) {
      log.error({ event: 'state.not-read', device: entry.device.id, err: error }, 'connectivity could not be read');
      entry.facts = readFacts(new Map(), options.inactivityTimeoutMs);
    }
    const { waiting = [] } = entry;
    entry.waiting = undefined;
    entry.ready = undefined;
    for (const act of waiting) if (!entry.forgotten) act();
    if (entry.at > 0) wake(entry);
  };

  const entryOf = (device: Device): Entry => {
    const known = entries.get(device.id);
    if (known) return known;
    const entry = new Entry(device);
    entries.set(device.id, entry);
    entry.ready = load(entry);
    return entry;
  };

  const report = async (): Promise<void> => {
    let writes: ConnectivityWrite[] = [];
    let written: Entry[] = [];
    const flush = async (): Promise<void> => {
      const [changes, now] = [writes, written];
      writes = [];
      written = [];
      try {
        if (changes.length > 0) await store.save(changes);
      } catch (error) {
        for (const entry of now) entry.unsaved = true;
        log.warn({ event: 'state.not-stored', devices: now.length, err: error }, 'connectivity not stored');
      }
    };
    withoutConnection = 0;
    for (const entry of entries.values()) {
      const { facts } = entry;
      if (!facts) continue;
      // When it is to be looked at is too late as well: all is written.
      if (isAhead(facts.activityAt, clock.now())) entry.unsaved = true;
      if (entry.unsaved || (facts.active && entry.at > facts.activityAt)) {
        facts.activityAt = activityOf(entry, facts);
        writes.push(reportOf(entry, facts, clock.now()));
        written.push(entry);
        entry.unsaved = false;
      } else release(entry);
      if (!entry.holder) withoutConnection++;
      if (writes.length >= STEP) await flush();
    }
    await flush();
  };

  const silence = async (entry: Entry, facts: Facts): Promise<void> => {
    const ts = clock.now();
    const activityAt = activityOf(entry, facts);
    Object.assign(facts, { active: false, alarmAt: ts, activityAt });
    const values = {
      active: false,
      inactivityAlarmTime: ts,
      ...(activityAt > 0 ? { lastActivityTime: activityAt } : {}),
    };
    const saved = save(entry, { deviceId: entry.device.id, values, ts, due: 'never' });
    raise('INACTIVITY_EVENT', entry.device, facts);
    await saved;
  };

  /** Decides anew whether the device is active, and when that is to be looked at next. */
  const check = async (device: Device): Promise<void> => {
    const entry = entryOf(device);
    await entry.ready;
    const { facts } = entry;
    if (!facts || entry.forgotten) return;
    const ts = clock.now();
    const activityAt = activityOf(entry, facts);
    const due = Math.max(activityAt, upToNow(device.createdAt)) + facts.timeoutMs;
    const wasAhead = isAhead(facts.activityAt, ts);
    if (wasAhead) facts.activityAt = activityAt;
    const change = { deviceId: device.id, values: wasAhead ? { lastActivityTime: activityAt } : {}, ts };
    if (due > ts) {
      if (!facts.active && activityAt > 0) activate(entry, facts, activityAt);
      else await save(entry, { ...change, due });
    } else if (!facts.active && facts.alarmAt > 0 && facts.alarmAt >= activityAt) {
      await save(entry, { ...change, due: 'never' });
    } else {
      await silence(entry, facts);
    }
    release(entry);
  };

  const checkById = async (id: DeviceId): Promise<void> => {
    const device = entries.get(id)?.device ?? (await devices.device(id));
    if (device) await check(device);
    else await store.save([{ deviceId: id, values: {}, ts: clock.now(), due: 'never' }]);
  };

  /** False when another instance has been asked. */
  const checkHereOrElsewhere = async (id: DeviceId): Promise<boolean> => {
    if (elsewhere.shared && !entries.get(id)?.holder && (await elsewhere.check(id))) return false;
    await checkById(id);
    return true;
  };

  const sweep = async (): Promise<void> => {
    while (!stopped && elsewhere.leads) {
      const due = await store.due(clock.now(), STEP);
      const here = await Promise.all(due.map(checkHereOrElsewhere));
      if (!here.includes(true)) return; // those of others are due until they have looked
    }
  };

  const ticking = setInterval(
    () => {
      events.now = clock.now();
    },
    Math.min(TICK_MS, options.reportIntervalMs),
  ).unref();
  const reporting = every(options.reportIntervalMs, report, 'state.report', log);
  const sweeping = every(options.checkIntervalMs, sweep, 'state.sweep', log);

  return {
    presence: (device) => new Connection(entryOf(device), events),

    seen(device) {
      const known = entries.get(device.id);
      if (!known && withoutConnection >= MAX_WITHOUT_CONNECTION) return;
      if (!known) withoutConnection++;
      const entry = known ?? entryOf(device);
      events.active(entry);
    },

    async timeoutChanged(id) {
      try {
        const device = entries.get(id)?.device ?? (await devices.device(id));
        if (!device) return;
        const entry = entryOf(device);
        await entry.ready;
        if (entry.facts) entry.facts.timeoutMs = (await read(id)).timeoutMs;
        await check(device);
      } catch (error) {
        log.warn({ event: 'state.not-stored', device: id, err: error }, 'connectivity not stored');
      }
    },

    async tell(id, event) {
      try {
        const device = entries.get(id)?.device ?? (await devices.device(id));
        if (!device) return;
        const entry = entryOf(device);
        if (event === 'ACTIVITY_EVENT') events.active(entry);
        else if (event === 'CONNECT_EVENT') events.connected(entry);
        else if (event === 'DISCONNECT_EVENT') events.disconnected(entry);
        else whenKnown(entry, (facts) => void silence(entry, facts).catch(nothing));
      } catch (error) {
        log.warn({ event: 'state.not-stored', device: id, err: error }, 'connectivity not stored');
      }
    },

    forget(id) {
      const entry = entries.get(id);
      if (entry) entry.forgotten = true;
      entries.delete(id);
    },

    get size() {
      return entries.size;
    },

    async stop() {
      stopped = true;
      clearInterval(ticking);
      await Promise.all([reporting.stop(), sweeping.stop()]);
      await Promise.all([...entries.values()].map(({ ready }) => ready));
      await report().catch((error) => log.warn({ event: 'state.not-stored', err: error }, 'connectivity not stored'));
    },
  };
}

/** Everything of an entry that a failed write may have left out, or just its activity. */
function reportOf(entry: Entry, facts: Facts, ts: number): ConnectivityWrite {
  const deviceId = entry.device.id;
  const lastActivityTime = facts.activityAt;
  if (!entry.unsaved) return { deviceId, ts, values: { lastActivityTime } };
  const values = {
    active: facts.active,
    lastConnectTime: facts.connectedAt,
    lastDisconnectTime: facts.disconnectedAt,
    lastActivityTime,
    inactivityAlarmTime: facts.alarmAt,
  };
  return { deviceId, ts, values, ...(facts.active ? { due: lastActivityTime + facts.timeoutMs } : {}) };
}

/** Runs `work` again and again, never twice at a time; a failure is logged and the next run tries again. */
function every(ms: number, work: () => Promise<void>, event: string, log: Log): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: unknown) => log.error({ event, err: error }, 'connectivity could not be kept'))
      .finally(() => {
        running = undefined;
      });
  }, ms);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
