import { readFileSync } from 'node:fs';
import type { Difference } from './run-case.ts';

/** Differences we live with. `cases` is a pattern of case ids; want and got, where given, are patterns too. */
export interface Accepted {
  readonly reason: string;
  readonly cases: string;
  readonly want?: string;
  readonly got?: string;
  /** How many cases differ so: any other number fails, so the list can only shrink knowingly. */
  readonly count: number;
}

export function loadAccepted(broker: 'guard' | 'gridmoor'): readonly Accepted[] {
  const file = new URL('accepted-differences.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, readonly Accepted[]>)[broker] ?? [];
}

export interface Judgement {
  /** Differences that no entry covers. */
  readonly unlisted: readonly Difference[];
  /** Entries whose count is not what was found. */
  readonly stale: readonly { readonly reason: string; readonly listed: number; readonly found: number }[];
}

/** Each difference belongs to the first entry that covers it. */
export function judge(differences: readonly Difference[], accepted: readonly Accepted[]): Judgement {
  const found = new Map<Accepted, number>(accepted.map((entry) => [entry, 0]));
  const unlisted = differences.filter((difference) => {
    const entry = accepted.find((each) => covers(each, difference));
    if (entry) found.set(entry, (found.get(entry) ?? 0) + 1);
    return entry === undefined;
  });
  const stale = accepted
    .map((entry) => ({ reason: entry.reason, listed: entry.count, found: found.get(entry) ?? 0 }))
    .filter(({ listed, found: count }) => listed !== count);
  return { unlisted, stale };
}

function covers(entry: Accepted, difference: Difference): boolean {
  return (
    matches(entry.cases, difference.id) &&
    (entry.want === undefined || matches(entry.want, difference.want)) &&
    (entry.got === undefined || matches(entry.got, difference.got))
  );
}

/** `*` stands for any text; the rest is literal. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}
