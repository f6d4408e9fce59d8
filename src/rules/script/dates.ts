import { toNumber, toPrimitive } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { NativeFunction, NativeMethod } from './language.ts';
import type { Meter } from './meter.ts';
import { ScriptDate, type Value } from './values.ts';

const ISO = /^([+-]\d{6}|\d{4})(?:-\d{2}(?:-\d{2})?)?(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;
const PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'] as const;
const SETTERS = ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'] as const;

/** ISO 8601 only; a text without an offset is UTC. Any other text is no date: NaN. */
export function parseDate(text: string): number {
  const match = text.length > 40 ? null : ISO.exec(text);
  if (match === null) return Number.NaN;
  return Date.parse(text.includes('T') && match[2] === undefined ? `${text}Z` : text);
}

/** `new Date()` is the message's time, `new Date(ms)`, `new Date(text)`, `new Date(year, month, …)` in UTC. */
export const makeDate: NativeFunction = (args, m) => {
  if (args.length === 0) return new ScriptDate(m.now);
  if (args.length > 1) return new ScriptDate(utc(args, m));
  const value = toPrimitive(args[0], m);
  return new ScriptDate(typeof value === 'string' ? parseDate(value) : new Date(Number(value)).getTime());
};

export const utc: (args: readonly Value[], m: Meter) => number = (args, m) => {
  const [year = Number.NaN, month = 0, ...rest] = args.slice(0, 7).map((arg) => toNumber(arg, m));
  return Date.UTC(year, month, ...rest);
};

export const dateMethods: Readonly<Record<string, NativeMethod<ScriptDate>>> = {
  getTime: (self) => self.ms,
  valueOf: (self: ScriptDate) => self.ms,
  getTimezoneOffset: () => 0,
  toISOString: iso,
  toJSON: iso,
  setTime: (self, [ms], m) => {
    self.ms = new Date(toNumber(ms, m)).getTime();
    return self.ms;
  },
  ...Object.fromEntries(PARTS.flatMap((part) => [`get${part}`, `getUTC${part}`].map((name) => [name, getter(part)]))),
  ...Object.fromEntries(SETTERS.flatMap((part) => [`set${part}`, `setUTC${part}`].map((name) => [name, setter(part)]))),
};

function iso(self: ScriptDate): string {
  if (Number.isNaN(self.ms)) throw new ScriptFailure('the date is not valid');
  return new Date(self.ms).toISOString();
}

function getter(part: (typeof PARTS)[number]): NativeMethod<ScriptDate> {
  return (self) => new Date(self.ms)[`getUTC${part}`]();
}

function setter(part: (typeof SETTERS)[number]): NativeMethod<ScriptDate> {
  return (self, args, m) => {
    const date = new Date(self.ms);
    const [first = Number.NaN, ...rest] = args.slice(0, 4).map((arg) => toNumber(arg, m));
    const set: (first: number, ...rest: number[]) => number = date[`setUTC${part}`];
    self.ms = set.call(date, first, ...rest);
    return self.ms;
  };
}
