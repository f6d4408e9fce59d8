import { UsageError } from './io.ts';

type Range = readonly [min: number, max: number];

/** The decimal number of a flag. Throws UsageError. */
export function decimalOf(flag: string, text: string, [min, max]: Range): number {
  const value = /^(?=.)\d{0,16}(?:\.\d{1,16})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} takes a number from ${min} to ${max}, not "${text}".`);
}

/** The whole number of a flag. Throws UsageError. */
export function wholeOf(flag: string, text: string, [min, max]: Range): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} takes a whole number from ${min} to ${max}, not "${text}".`);
}

/** Reads a flag that may be absent. */
export const ifGiven = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
  text === undefined ? undefined : read(text);
