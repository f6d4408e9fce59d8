import { setOwn } from '../record.ts';
import { looselyEqual, toInteger, toText } from './convert.ts';
import { makeDate, parseDate } from './dates.ts';
import { ScriptFailure } from './failure.ts';
import { jsonNamespace, uriFunctions } from './javascript.ts';
import { parseText } from './json-text.ts';
import type { Language, Namespace, NativeFunction } from './language.ts';
import { MAX_VALUE_DEPTH } from './limits.ts';
import { mathWith } from './math.ts';
import { keysOf, readMember } from './members.ts';
import type { Meter } from './meter.ts';
import { tbelNumber } from './operators.ts';
import { byteFunctions } from './tbel-bytes.ts';
import { entriesOf, tbelMethods } from './tbel-methods.ts';
import { parseReal, parseWhole, roundHalfUp } from './tbel-numbers.ts';
import { isObject, nameOf, type ScriptObject, type Value } from './values.ts';

const NUMERIC = /^\d+$/;

function functions(entries: Readonly<Record<string, NativeFunction | undefined>>): Namespace['functions'] {
  return new Map(Object.entries(entries).flatMap(([name, one]) => (one ? [[name, one] as const] : [])));
}

/** A map whose members are plain values, under their paths or last names; lists count their items. */
const toFlatMap: NativeFunction = (args, m) => {
  const [map, ...options] = args;
  if (!isObject(map)) throw new ScriptFailure(`toFlatMap: expected a map, not ${nameOf(map)}`);
  const excluded = options.find((option) => Array.isArray(option)) ?? [];
  const flat: ScriptObject = {};
  flatten(map, '', { flat, excluded: Array.isArray(excluded) ? excluded : [], paths: !options.includes(false), m }, 0);
  return flat;
};

interface Flattening {
  readonly flat: ScriptObject;
  readonly excluded: readonly Value[];
  readonly paths: boolean;
  readonly m: Meter;
}

function flatten(value: Value, path: string, to: Flattening, depth: number): void {
  if (depth > MAX_VALUE_DEPTH) throw new ScriptFailure(`toFlatMap: nested deeper than ${MAX_VALUE_DEPTH} levels`);
  if (isObject(value)) {
    for (const key of keysOf(value, to.m)) {
      if (!to.excluded.includes(key))
        flatten(readMember(value, key), path === '' ? key : `${path}.${key}`, to, depth + 1);
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) flatten(item, `${path}.${index}`, to, depth + 1);
  } else {
    to.m.spend(1);
    setOwn(to.flat, to.paths ? to.m.text(path) : lastName(path), value);
  }
}

/** The last name of a path; with the name before it when it is an item's number. */
function lastName(path: string): string {
  const parts = path.split('.');
  const last = parts.at(-1) ?? '';
  return NUMERIC.test(last) ? parts.slice(-2).join('.') : last;
}

const pad =
  (atStart: boolean): NativeFunction =>
  ([text, length, filler], m) => {
    const wanted = toInteger(length, m);
    m.willMakeText(wanted);
    const given = toText(text, m);
    const by = filler === undefined ? ' ' : toText(filler, m);
    return m.text(atStart ? given.padStart(wanted, by) : given.padEnd(wanted, by));
  };

const matching =
  (pattern: RegExp, radix: number): NativeFunction =>
  ([text]) =>
    typeof text === 'string' && text.length <= 4096 && pattern.test(text) ? radix : -1;

const raiseError: NativeFunction = ([message, value], m) => {
  const text = toText(message, m);
  throw new ScriptFailure(value === undefined || value === null ? text : `${text} for value ${toText(value, m)}`);
};

const helpers: Readonly<Record<string, NativeFunction | undefined>> = {
  ...byteFunctions,
  decodeToJson: ([from], m) =>
    parseText(typeof from === 'string' ? from : String(byteFunctions.decodeToString?.([from], m)), m),
  decodeURI: uriFunctions.decodeURI,
  encodeURI: uriFunctions.encodeURI,
  isArray: ([value]) => Array.isArray(value),
  isBinary: matching(/^[01]+$/, 2),
  isDecimal: matching(/^-?\d+(?:\.\d+)?$/, 10),
  isHexadecimal: matching(/^-?(?:0[xX])?[0-9a-fA-F]+$/, 16),
  isList: ([value]) => Array.isArray(value),
  isMap: ([value]) => isObject(value),
  isNaN: ([value], m) => Number.isNaN(tbelNumber(value, m)),
  isOctal: matching(/^[0-7]+$/, 8),
  padEnd: pad(false),
  padStart: pad(true),
  parseDouble: parseReal(64),
  parseFloat: parseReal(32),
  parseInt: parseWhole(32),
  parseLong: parseWhole(64),
  raiseError,
  toFixed: ([value, places], m) => roundHalfUp(tbelNumber(value, m), Math.min(100, Math.max(0, toInteger(places, m)))),
  toFlatMap,
  toInt: ([value], m) => roundHalfUp(tbelNumber(value, m), 0),
};

const plain = (
  entries: Readonly<Record<string, NativeFunction>>,
  constants: Readonly<Record<string, Value>> = {},
): Namespace => ({
  functions: functions(entries),
  constants: new Map(Object.entries(constants)),
});

const HINTS: Readonly<Record<string, string>> = {
  undefined: 'write null',
  empty: 'write x == empty or x != empty',
  java: 'only the listed functions and methods can be used',
  System: 'write Date.now()',
  random: 'a chain gives the same answer to the same message: take a number of the message',
  replaceAll: 'write replace(text, by): it replaces all',
  matches: 'write indexOf, startsWith or contains',
  includes: 'write contains',
  forEach: 'write foreach (item : list) { … }',
  map: 'write foreach (item : list) { … }',
  filter: 'write foreach (item : list) { … }',
  toSet: 'write a list and list.contains(x)',
  newSet: 'write a list and list.contains(x)',
  isSet: 'write isList(x)',
  format: 'write toFixed, padStart and +',
  'new Calendar': 'write new Date()',
  'new Random': 'a chain gives the same answer to the same message: take a number of the message',
};

/** The subset of TBEL that runs here (thingsboard-rule-chains 5.2, 5.3). */
export const tbel: Language = {
  lang: 'TBEL',
  absent: null,
  equals: looselyEqual,
  number: tbelNumber,
  entries: entriesOf,
  namespaces: new Map<string, Namespace>([
    ['Math', mathWith(tbelNumber)],
    ['JSON', jsonNamespace],
    ['Date', plain({ now: (_args, m) => m.now, parse: ([text], m) => parseDate(toText(text, m)) })],
    [
      'Integer',
      plain({ parseInt: parseWhole(32), valueOf: parseWhole(32) }, { MAX_VALUE: 2 ** 31 - 1, MIN_VALUE: -(2 ** 31) }),
    ],
    ['Long', plain({ parseLong: parseWhole(64), valueOf: parseWhole(64) })],
    ['Float', plain({ parseFloat: parseReal(32), valueOf: parseReal(32) })],
    ['Double', plain({ parseDouble: parseReal(64), valueOf: parseReal(64) })],
    ['String', plain({ valueOf: ([value]: readonly Value[], m: Meter) => toText(value, m) })],
  ]),
  functions: functions(helpers),
  constants: new Map(),
  makers: new Map([['Date', makeDate]]),
  methods: tbelMethods,
  hints: new Map(Object.entries(HINTS)),
};
