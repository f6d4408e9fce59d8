import { type Primitive, toInteger, toPrimitive, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { NativeMethod } from './language.ts';
import type { Meter } from './meter.ts';
import type { Value } from './values.ts';

type PlainMethod = (this: string, ...args: Primitive[]) => unknown;

/** JavaScript's own method, called with primitives only: nothing of a value can be reached from it. */
function plain(method: (...args: never[]) => string | number | boolean | undefined): NativeMethod<string> {
  const native = method as PlainMethod;
  return (self, args, m) => {
    m.spend(self.length >> 6);
    const result = native.apply(self, primitives(args, m)) as string | number | boolean | undefined;
    return typeof result === 'string' ? m.text(result) : result;
  };
}

/** The same for methods that look for a text in a text. */
function searching(method: (...args: never[]) => number | boolean): NativeMethod<string> {
  const native = method as PlainMethod;
  return (self, args, m) => {
    const [wanted, ...rest] = primitives(args, m);
    const text = String(wanted);
    m.search(self, text);
    return native.apply(self, [text, ...rest]) as number | boolean;
  };
}

const primitives = (args: readonly Value[], m: Meter): Primitive[] => args.map((arg) => toPrimitive(arg, m));

function pad(atStart: boolean): NativeMethod<string> {
  return (self, args, m) => {
    const length = toInteger(args[0], m);
    const filler = args[1] === undefined ? ' ' : toText(args[1], m);
    if (length <= self.length) return self;
    m.willMakeText(length);
    return m.text(atStart ? self.padStart(length, filler) : self.padEnd(length, filler));
  };
}

const repeat: NativeMethod<string> = (self, args, m) => {
  const count = toInteger(args[0], m);
  if (count < 0 || count === Number.POSITIVE_INFINITY) throw new ScriptFailure('repeat wants a count of 0 or more');
  m.willMakeText(self.length * count);
  return m.text(self.repeat(count));
};

const SPECIAL = /\$[$&`']/;

/** Of a text by a text: the first one, or all. */
export function replacing(all: boolean, dollarsMean: boolean): NativeMethod<string> {
  return (self, args, m) => {
    const wanted = toText(args[0], m);
    const by = toText(args[1], m);
    if (dollarsMean && SPECIAL.test(by))
      throw new ScriptFailure('"$$", "$&", "$`" and "$\'" stand for nothing in replace');
    m.search(self, wanted);
    if (!all) {
      const at = self.indexOf(wanted);
      if (at < 0) return self;
      m.willMakeText(self.length + by.length);
      return m.text(self.slice(0, at) + by + self.slice(at + wanted.length));
    }
    const parts = self.split(wanted);
    m.items(parts.length);
    m.willMakeText(self.length + (parts.length + 1) * by.length);
    // Nothing stands between all characters, before the first and behind the last.
    if (wanted === '') return m.text(self === '' ? by : `${by}${parts.join(by)}${by}`);
    return m.text(parts.join(by));
  };
}

const split: NativeMethod<string> = (self, args, m) => {
  const [separator, limit] = args;
  if (separator === undefined) return [self];
  const text = toText(separator, m);
  m.search(self, text);
  const parts = limit === undefined ? self.split(text) : self.split(text, toInteger(limit, m));
  m.items(parts.length);
  return parts;
};

const concat: NativeMethod<string> = (self, args, m) => {
  let text = self;
  for (const arg of args) {
    text += toText(arg, m);
    m.willMakeText(text.length);
  }
  return m.text(text);
};

const P = String.prototype;

export const textMethods: Readonly<Record<string, NativeMethod<string>>> = {
  charAt: plain(P.charAt),
  charCodeAt: plain(P.charCodeAt),
  codePointAt: plain(P.codePointAt),
  concat,
  endsWith: searching(P.endsWith),
  includes: searching(P.includes),
  indexOf: searching(P.indexOf),
  lastIndexOf: searching(P.lastIndexOf),
  padEnd: pad(false),
  padStart: pad(true),
  repeat,
  replace: replacing(false, true),
  replaceAll: replacing(true, true),
  slice: plain(P.slice),
  split,
  startsWith: searching(P.startsWith),
  substr: (self, args, m) => {
    const start = toInteger(args[0], m);
    const from = start < 0 ? Math.max(0, self.length + start) : start;
    const count = args[1] === undefined ? self.length : toInteger(args[1], m);
    return m.text(count <= 0 ? '' : self.slice(from, from + count));
  },
  substring: plain(P.substring),
  toLowerCase: plain(P.toLowerCase),
  toString: (self: string) => self,
  toUpperCase: plain(P.toUpperCase),
  trim: plain(P.trim),
  trimEnd: plain(P.trimEnd),
  trimStart: plain(P.trimStart),
  valueOf: (self: string) => self,
};
