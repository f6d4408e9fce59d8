import type { Clock } from '../model/clock.ts';
import type { DeviceCounter } from './device-counts.ts';
import { type History, MINUTE, type Minute, minuteOf } from './history.ts';
import { type Counts, plus, since, type Totals } from './totals.ts';
import { type Bucket, toBuckets, type Window, windowStart } from './windows.ts';

/** Open now. A gateway is one connection, whatever it has behind it. */
export interface Open {
  readonly connections: number;
  readonly subDevices: number;
}

/** What the devices of one profile, or of all, have done since this process has started, and which are connected. */
export interface Tally {
  readonly totals: Totals;
  readonly open: Open;
}

/** What there is and what has happened, over restarts and over all instances. */
export interface Statistics {
  readonly devices: DeviceCounter;
  /** Buckets of the window, oldest first, and their sum; of the profiles of these names, or of all. */
  messages(
    window: Window,
    granularityMinutes: number,
    profiles?: readonly string[],
  ): Promise<{ readonly sum: Counts; readonly buckets: readonly Bucket[] }>;
  /** In this instance, of the profiles of these names, or of all. */
  open(profiles?: readonly string[]): Open;
  /** Stores what has been counted; never rejects. */
  flush(): Promise<void>;
  /** Ends the timer and stores what has been counted. */
  stop(): Promise<void>;
}

export interface StatisticsParts {
  readonly devices: DeviceCounter;
  readonly history: History;
  /** By the names of profiles, and with no name of all. */
  readonly tallies: () => ReadonlyMap<string | undefined, Tally>;
  readonly clock: Clock;
  /** How often what was counted is stored, ms. */
  readonly flushMs: number;
  readonly onError: (error: unknown) => void;
}

export function startStatistics(parts: StatisticsParts): Statistics {
  const { devices, history, tallies, clock, flushMs, onError } = parts;
  let stored: ReadonlyMap<string | undefined, Tally> = new Map();
  let running: Promise<void> = Promise.resolve();

  const store = async (): Promise<void> => {
    const now = tallies();
    const minutes = new Map<string | undefined, Minute>();
    for (const [profile, { totals, open }] of now) {
      const former = stored.get(profile);
      const counts = since(former?.totals, totals);
      const active = open.connections;
      if (Object.keys(counts).length === 0 && active === (former?.open.connections ?? 0)) continue;
      minutes.set(profile, { counts, active });
    }
    if (minutes.size === 0) return;
    try {
      await history.add(minuteOf(clock.now()), minutes);
      stored = now;
    } catch (error) {
      onError(error); // the next flush has it all
    }
  };
  const flush = (): Promise<void> => {
    running = running.then(store);
    return running;
  };
  const timer = setInterval(() => void flush(), flushMs);
  timer.unref();

  return {
    devices,
    async messages(window, granularityMinutes, profiles) {
      await flush();
      const now = clock.now();
      const from = windowStart(now, window, granularityMinutes);
      const minutes = await history.read(from, minuteOf(now) + MINUTE, profiles);
      const buckets = toBuckets(minutes, granularityMinutes);
      return { sum: buckets.reduce((sum, { counts }) => plus(sum, counts), {} as Counts), buckets };
    },
    open(profiles) {
      const now = tallies();
      const sum = { connections: 0, subDevices: 0 };
      for (const profile of profiles ?? [undefined]) {
        const { connections = 0, subDevices = 0 } = now.get(profile)?.open ?? {};
        sum.connections += connections;
        sum.subDevices += subDevices;
      }
      return sum;
    },
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
