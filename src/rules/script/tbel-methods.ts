import { setOwn } from '../record.ts';
import { joinList, strictlyEqual, toInteger, toNumber, toText } from './convert.ts';
import { dateMethods } from './dates.ts';
import { ScriptFailure } from './failure.ts';
import { methodTable } from './javascript.ts';
import type { NativeMethod } from './language.ts';
import { deleteMember, isEmpty, keysOf, readMember, toKey, writeMember } from './members.ts';
import type { Meter } from './meter.ts';
import { includes, LIST_MUTATORS, listMethods } from './methods-list.ts';
import { replacing, textMethods } from './methods-text.ts';
import type { ScriptObject, Value } from './values.ts';

type TextMethod = NativeMethod<string>;
type ListMethod = NativeMethod<Value[]>;
type MapMethod = NativeMethod<ScriptObject>;

/** Characters that mean something in Java's split, which takes a pattern. */
const PATTERN = /[\\^$.|?*+()[\]{}]/;
const ESCAPED = /^\\(.)$/;

/** Java's split: empty parts at the end are left out; the separator is a plain text or one escaped character. */
const split: TextMethod = (self, [separator], m) => {
  const given = toText(separator, m);
  const escaped = ESCAPED.exec(given)?.[1];
  if (escaped === undefined && given.length > 0 && PATTERN.test(given)) {
    throw new ScriptFailure('split takes a plain text here, no pattern');
  }
  const wanted = escaped ?? given;
  m.search(self, wanted);
  const parts = self.split(wanted);
  while (parts.length > 1 && parts.at(-1) === '') parts.pop();
  m.items(parts.length);
  return parts;
};

const substring: TextMethod = (self, [from, to], m) => {
  const start = toInteger(from, m);
  const end = to === undefined ? self.length : toInteger(to, m);
  if (start < 0 || end > self.length || start > end) {
    throw new ScriptFailure(`substring ${start} to ${end} of a text with ${self.length} characters`);
  }
  return m.text(self.slice(start, end));
};

const { concat, endsWith, indexOf, lastIndexOf, padEnd, padStart, repeat, startsWith, toLowerCase, toUpperCase, trim } =
  textMethods;

const texts: Readonly<Record<string, TextMethod | undefined>> = {
  charAt: textMethods.charAt,
  concat,
  contains: textMethods.includes,
  endsWith,
  equals: (self, [other], m) => strictlyEqual(self, other, m),
  equalsIgnoreCase: (self, [other], m) => self.toLowerCase() === toText(other, m).toLowerCase(),
  indexOf,
  isEmpty: (self) => self === '',
  lastIndexOf,
  length: (self) => self.length,
  padEnd,
  padStart,
  repeat,
  replace: replacing(true, false),
  split,
  startsWith,
  substring,
  toLowerCase,
  toString: (self: string) => self,
  toUpperCase,
  trim,
};

const removeItem: ListMethod = (self, [what], m) => {
  m.items(self.length);
  if (typeof what !== 'number') {
    const at = self.findIndex((item) => strictlyEqual(item, what, m));
    if (at >= 0) self.splice(at, 1);
    return at >= 0;
  }
  if (!Number.isInteger(what) || what < 0 || what >= self.length) throw outside(what, self);
  return self.splice(what, 1)[0];
};

function outside(index: number, list: readonly Value[]): ScriptFailure {
  return new ScriptFailure(`there is no item ${index} in a list of ${list.length}`);
}

/** sort(ascending = true): numbers by value, all else by text. */
const sortList: ListMethod = (self, [ascending], m) => {
  m.items(self.length);
  m.spend(self.length);
  const numbers = self.every((item) => typeof item === 'number');
  const keys = new Map(self.map((item) => [item, numbers ? '' : toText(item, m)]));
  self.sort((a, b) => {
    m.spend(1);
    if (numbers) return toNumber(a, m) - toNumber(b, m);
    const [left = '', right = ''] = [keys.get(a), keys.get(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  });
  if (ascending === false) self.reverse();
  return undefined;
};

const lists: Readonly<Record<string, ListMethod | undefined>> = {
  add: (self, args, m) => {
    const [first, second] = args;
    m.items(self.length + 1);
    if (args.length < 2) self.push(first);
    else {
      const index = toInteger(first, m);
      if (index < 0 || index > self.length) throw outside(index, self);
      self.splice(index, 0, second);
    }
    return true;
  },
  addAll: (self, [more], m) => {
    if (!Array.isArray(more)) throw new ScriptFailure('addAll takes a list');
    m.items(self.length + more.length);
    for (const item of [...more]) self.push(item);
    return more.length > 0;
  },
  clear: (self) => {
    self.length = 0;
    return undefined;
  },
  concat: listMethods.concat,
  contains: includes,
  fill: listMethods.fill,
  get: (self, [index], m) => {
    const at = toInteger(index, m);
    if (at < 0 || at >= self.length) throw outside(at, self);
    return self[at];
  },
  includes,
  indexOf: listMethods.indexOf,
  isEmpty: (self) => self.length === 0,
  join: (self, [separator], m) => joinList(self, separator === undefined ? ',' : toText(separator, m), m),
  lastIndexOf: listMethods.lastIndexOf,
  length: (self) => self.length,
  pop: listMethods.pop,
  push: listMethods.push,
  remove: removeItem,
  reverse: listMethods.reverse,
  set: (self, [index, value], m) => {
    const at = toInteger(index, m);
    if (at < 0 || at >= self.length) throw outside(at, self);
    const before = self[at];
    self[at] = value;
    return before;
  },
  shift: listMethods.shift,
  size: (self) => self.length,
  slice: listMethods.slice,
  sort: sortList,
  splice: listMethods.splice,
  toSpliced: (self, args, m) => {
    const copy = [...self];
    listMethods.splice?.(copy, args, m);
    return copy;
  },
  unshift: listMethods.unshift,
};

/** A map as TBEL's foreach goes through it. */
export function entriesOf(map: ScriptObject, m: Meter): Value[] {
  return keysOf(map, m).map((key) => ({ key, value: readMember(map, key) }));
}

function put(self: ScriptObject, key: Value, value: Value, m: Meter): Value {
  const name = toKey(key, m);
  const before = readMember(self, name);
  writeMember(self, name, value, m);
  return before;
}

function sorted(self: ScriptObject, m: Meter): undefined {
  const entries = keysOf(self, m).map((key) => [key, readMember(self, key)] as const);
  m.spend(entries.length);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [key] of entries) deleteMember(self, key);
  for (const [key, value] of entries) setOwn(self, key, value);
  return undefined;
}

const maps: Readonly<Record<string, MapMethod>> = {
  clear: (self, _args, m) => {
    for (const key of keysOf(self, m)) deleteMember(self, key);
    return undefined;
  },
  containsKey: (self, [key], m) => Object.hasOwn(self, toKey(key, m)),
  containsValue: (self, [value], m) => keysOf(self, m).some((key) => strictlyEqual(readMember(self, key), value, m)),
  entrySet: (self, _args, m) => entriesOf(self, m),
  get: (self, [key], m) => readMember(self, toKey(key, m)),
  getKey: (self) => readMember(self, 'key'),
  getOrDefault: (self, [key, otherwise], m) => readMember(self, toKey(key, m)) ?? otherwise,
  getValue: (self) => readMember(self, 'value'),
  isEmpty: (self, _args, m) => isEmpty(self, m),
  keySet: (self, _args, m) => keysOf(self, m),
  keys: (self, _args, m) => keysOf(self, m),
  put: (self, [key, value], m) => put(self, key, value, m),
  putAll: (self, [more], m) => {
    for (const key of keysOf(more, m)) writeMember(self, key, readMember(more, key), m);
    return undefined;
  },
  putIfAbsent: (self, [key, value], m) => {
    const before = readMember(self, toKey(key, m));
    if (before === null || before === undefined) put(self, key, value, m);
    return before;
  },
  remove: (self, [key], m) => {
    const name = toKey(key, m);
    const before = readMember(self, name);
    deleteMember(self, name);
    return before;
  },
  size: (self, _args, m) => keysOf(self, m).length,
  sortByKey: (self, _args, m) => sorted(self, m),
  values: (self, _args, m) => keysOf(self, m).map((key) => readMember(self, key)),
};

const numbers: Readonly<Record<string, NativeMethod<number>>> = {
  doubleValue: (self) => self,
  equals: (self, [other], m) => strictlyEqual(self, other, m),
  intValue: (self) => Math.trunc(self),
  longValue: (self) => Math.trunc(self),
  toString: (self: number) => String(self),
};

/** Methods of TBEL's texts, lists, maps, numbers and dates. */
export const tbelMethods = methodTable({ text: texts, list: lists, object: maps, number: numbers, date: dateMethods }, [
  ...LIST_MUTATORS,
  'add',
  'addAll',
  'clear',
  'put',
  'putAll',
  'putIfAbsent',
  'remove',
  'set',
  'sortByKey',
]);
