import type { Flag } from './command.ts';
import { UsageError } from './io.ts';

const SECONDS_A_DAY = 86_400;

/** How long something secret works. */
export const daysFlag = {
  days: { type: 'string', value: '<n>', summary: 'how long it works (without end)' },
} as const satisfies Readonly<Record<string, Flag>>;

/** How long what it replaces goes on working. */
export const graceFlag = {
  grace: { type: 'string', value: '<seconds>', summary: 'how long the former goes on working (0)' },
} as const satisfies Readonly<Record<string, Flag>>;

/** Seconds of `--days`, which may be a fraction; undefined when it was not given. */
export function secondsOfDays(days: string | undefined): number | undefined {
  if (days === undefined) return undefined;
  const seconds = Number(days) * SECONDS_A_DAY;
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new UsageError(`--days takes a number above 0, not "${days}".`);
}

/** Whole seconds of `--grace`; undefined when it was not given. */
export function graceSeconds(grace: string | undefined): number | undefined {
  if (grace === undefined) return undefined;
  const seconds = Number(grace);
  if (/^\d+$/.test(grace) && Number.isSafeInteger(seconds)) return seconds;
  throw new UsageError(`--grace takes whole seconds, not "${grace}".`);
}
