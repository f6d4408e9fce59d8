import { MINUTE, type Minutes } from './history.ts';
import { type Counts, plus } from './totals.ts';

/** How far back a question may reach, and how fine its answer may be, in minutes. */
export const WINDOWS = { '1h': 60, '1d': 1_440, '7d': 10_080, '30d': 43_200 } as const;
export const GRANULARITIES = ['1', '5', '15', '30'] as const;
export type Window = keyof typeof WINDOWS;

export interface Bucket {
  /** Its start, ms since 1970. */
  readonly at: number;
  readonly counts: Counts;
  /** Most connections that were open at the end of a minute of it. */
  readonly active: number;
}

/** The start of the oldest bucket, whole to the granularity. */
export function windowStart(now: number, window: Window, granularityMinutes: number): number {
  const step = granularityMinutes * MINUTE;
  return now - (now % step) + step - WINDOWS[window] * MINUTE;
}

/** In the order of time; spans in which nothing was counted are left out. */
export function toBuckets(minutes: Minutes, granularityMinutes: number): readonly Bucket[] {
  const step = granularityMinutes * MINUTE;
  const buckets = new Map<number, Bucket>();
  for (const [minute, { counts, active }] of minutes) {
    const at = minute - (minute % step);
    const former = buckets.get(at);
    buckets.set(at, {
      at,
      counts: former ? plus(former.counts, counts) : counts,
      active: Math.max(former?.active ?? 0, active),
    });
  }
  return [...buckets.values()].sort((a, b) => a.at - b.at);
}
