import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { DocumentChange, DocumentStore } from '../storage/document-store.ts';
import { type Counts, plus } from './totals.ts';

/** One minute of one instance. */
export interface Minute {
  readonly counts: Counts;
  /** Connections open at the end of it. */
  readonly active: number;
}

/** The minutes of all instances that lie in a span, by their start in ms; each with what all of them counted. */
export type Minutes = ReadonlyMap<number, Minute>;

/** What was counted, minute by minute, for 31 days; one document for each instance, profile and hour, and one for all profiles. */
export interface History {
  /**
   * Adds to a minute of this instance, in one step: what the devices of each profile did, by its name, and with no name what
   * all did. One call at a time.
   */
  add(minute: number, what: ReadonlyMap<string | undefined, Minute>): Promise<void>;
  /** From `from` on, before `until`; of the profiles of these names together, or of all. */
  read(from: number, until: number, profiles?: readonly string[]): Promise<Minutes>;
}

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KEEP_MS = 31 * 24 * HOUR;
const ALL = 'statistics';
const OF_PROFILE = 'profile-statistics';
const PAGE = 200;

export const minuteOf = (ms: number): number => ms - (ms % MINUTE);

/** Keys in the order of time. */
const hourText = (ms: number): string => new Date(ms - (ms % HOUR)).toISOString().slice(0, 13);

/** Where the hours of a profile stand, or of all. A name may be too long for a key. */
function seriesOf(profile: string | undefined): { readonly kind: string; readonly prefix: string } {
  if (profile === undefined) return { kind: ALL, prefix: '' };
  return { kind: OF_PROFILE, prefix: `${createHash('sha256').update(profile).digest('base64url')}/` };
}

type Hour = Readonly<Record<string, Minute>>;

/** @param instance who counts: no two processes may have one name at a time. */
export function createHistory(documents: DocumentStore, instance: string, clock: Clock): History {
  const readSeries = async (
    profile: string | undefined,
    { from, until }: { readonly from: number; readonly until: number },
    into: Map<number, Minute>,
  ): Promise<void> => {
    const { kind, prefix } = seriesOf(profile);
    const last = `${prefix}${hourText(until - 1)}~`;
    let after = `${prefix}${hourText(from)}`;
    for (;;) {
      const page = await documents.list(kind, { prefix, after, limit: PAGE, now: clock.now() });
      for (const { key, text } of page) {
        if (key > last) return;
        addTo(into, JSON.parse(text) as Hour, from, until);
      }
      const end = page.at(-1);
      if (!end) return;
      after = end.key;
    }
  };

  return {
    async add(minute, what) {
      const now = clock.now();
      const changes = [...what].map(async ([profile, { counts, active }]): Promise<DocumentChange> => {
        const { kind, prefix } = seriesOf(profile);
        const key = `${prefix}${hourText(minute)} ${instance}`;
        const stored = await documents.get(kind, key, now);
        const hour: Hour = stored ? (JSON.parse(stored.text) as Hour) : {};
        const name = String(minute);
        const sum = plus(hour[name]?.counts ?? {}, counts);
        const text = JSON.stringify({ ...hour, [name]: { counts: sum, active } });
        return { kind, key, text, expiresAt: minute + KEEP_MS };
      });
      await documents.write(await Promise.all(changes), now);
    },

    async read(from, until, profiles) {
      const minutes = new Map<number, Minute>();
      for (const profile of profiles ?? [undefined]) await readSeries(profile, { from, until }, minutes);
      return minutes;
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
