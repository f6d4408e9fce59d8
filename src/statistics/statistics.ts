import type { Clock } from '../model/clock.ts';
import type { DeviceCounter } from './device-counts.ts';
import { type History, MINUTE, minuteOf } from './history.ts';
import { COUNTED, type Counts, plus, since, type Totals } from './totals.ts';
import { type Bucket, toBuckets, type Window, windowStart } from './windows.ts';

/** What there is and what has happened, over restarts and over all instances. */
export interface Statistics {
  readonly devices: DeviceCounter;
  /** Buckets of the window, oldest first, and their sum. */
  messages(
    window: Window,
    granularityMinutes: number,
  ): Promise<{ readonly sum: Counts; readonly buckets: readonly Bucket[] }>;
  /** Since this process has started, and connections open now. */
  now(): { readonly totals: Totals; readonly active: number };
  /** Stores what has been counted; never rejects. */
  flush(): Promise<void>;
  /** Ends the timer and stores what has been counted. */
  stop(): Promise<void>;
}

export interface StatisticsParts {
  readonly devices: DeviceCounter;
  readonly history: History;
  readonly totals: () => Totals;
  /** Connections open now. A gateway is one, whatever it has behind it. */
  readonly active: () => number;
  readonly clock: Clock;
  /** How often what was counted is stored, ms. */
  readonly flushMs: number;
  readonly onError: (error: unknown) => void;
}

const ZERO = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Totals;

export function startStatistics(parts: StatisticsParts): Statistics {
  const { devices, history, totals, active, clock, flushMs, onError } = parts;
  let stored = ZERO;
  let storedActive = 0;
  let running: Promise<void> = Promise.resolve();

  const store = async (): Promise<void> => {
    const now = totals();
    const open = active();
    const counts = since(stored, now);
    if (Object.keys(counts).length === 0 && open === storedActive) return;
    try {
      await history.add(minuteOf(clock.now()), { counts, active: open });
      stored = now;
      storedActive = open;
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
    async messages(window, granularityMinutes) {
      await flush();
      const now = clock.now();
      const minutes = await history.read(windowStart(now, window, granularityMinutes), minuteOf(now) + MINUTE);
      const buckets = toBuckets(minutes, granularityMinutes);
      return { sum: buckets.reduce((sum, { counts }) => plus(sum, counts), {} as Counts), buckets };
    },
    now: () => ({ totals: totals(), active: active() }),
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
