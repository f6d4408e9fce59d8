import type { Clock } from '../model/clock.ts';
import type { DocumentStore } from '../storage/document-store.ts';
import { type Counts, plus } from './totals.ts';

/** One minute of one instance. */
export interface Minute {
  readonly counts: Counts;
  /** Connections open at the end of it. */
  readonly active: number;
}

/** The minutes of all instances that lie in a span, by their start in ms; each with what all of them counted. */
export type Minutes = ReadonlyMap<number, Minute>;

/** What was counted, minute by minute, for 31 days; one document for each instance and hour. */
export interface History {
  /** Adds to a minute of this instance. One call at a time. */
  add(minute: number, what: Minute): Promise<void>;
  /** From `from` on, before `until`. */
  read(from: number, until: number): Promise<Minutes>;
}

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KEEP_MS = 31 * 24 * HOUR;
const KIND = 'statistics';
const PAGE = 200;

export const minuteOf = (ms: number): number => ms - (ms % MINUTE);

/** Keys in the order of time. */
const hourText = (ms: number): string => new Date(ms - (ms % HOUR)).toISOString().slice(0, 13);

type Hour = Readonly<Record<string, Minute>>;

/** @param instance who counts: no two processes may have one name at a time. */
export function createHistory(documents: DocumentStore, instance: string, clock: Clock): History {
  return {
    async add(minute, what) {
      const key = `${hourText(minute)} ${instance}`;
      const now = clock.now();
      const stored = await documents.get(KIND, key, now);
      const hour: Hour = stored ? (JSON.parse(stored.text) as Hour) : {};
      const name = String(minute);
      const former = hour[name]?.counts ?? {};
      const text = JSON.stringify({ ...hour, [name]: { counts: plus(former, what.counts), active: what.active } });
      await documents.write([{ kind: KIND, key, text, expiresAt: minute + KEEP_MS }], now);
    },

    async read(from, until) {
      const minutes = new Map<number, Minute>();
      const last = `${hourText(until - 1)}~`;
      let after = hourText(from);
      for (;;) {
        const page = await documents.list(KIND, { after, limit: PAGE, now: clock.now() });
        for (const { key, text } of page) {
          if (key > last) return minutes;
          addTo(minutes, JSON.parse(text) as Hour, from, until);
        }
        const end = page.at(-1);
        if (!end) return minutes;
        after = end.key;
      }
    },
  };
}

function addTo(minutes: Map<number, Minute>, hour: Hour, from: number, until: number): void {
  for (const [name, { counts, active }] of Object.entries(hour)) {
    const at = Number(name);
    if (at < from || at >= until) continue;
    const former = minutes.get(at);
    const sum = former ? { counts: plus(former.counts, counts), active: former.active + active } : { counts, active };
    minutes.set(at, sum);
  }
}
