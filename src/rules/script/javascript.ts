import { isTruthy, strictlyEqual, toInteger, toNumber, toText } from './convert.ts';
import { dateMethods, makeDate, parseDate, utc } from './dates.ts';
import { ScriptFailure } from './failure.ts';
import { parseText, stringify } from './json-text.ts';
import type { Language, Methods, Namespace, NativeFunction, NativeMethod } from './language.ts';
import { mathWith } from './math.ts';
import { hasMember, keysOf, readMember, toKey, writeMember } from './members.ts';
import type { Meter } from './meter.ts';
import { LIST_MUTATORS, listMethods } from './methods-list.ts';
import { textMethods } from './methods-text.ts';
import { numberMethods, parseFloatOf, parseIntOf } from './numbers.ts';
import { isObject, nameOf, type ScriptObject, type Value } from './values.ts';

const uri =
  (name: string, turn: (text: string) => string): NativeFunction =>
  ([value], m) => {
    const text = toText(value, m);
    m.spend(text.length >> 3);
    try {
      return m.text(turn(text));
    } catch (error) {
      if (error instanceof URIError) throw new ScriptFailure(`${name}: the text is not well-formed`);
      throw error;
    }
  };

export const uriFunctions: Readonly<Record<string, NativeFunction>> = {
  encodeURIComponent: uri('encodeURIComponent', encodeURIComponent),
  decodeURIComponent: uri('decodeURIComponent', decodeURIComponent),
  encodeURI: uri('encodeURI', encodeURI),
  decodeURI: uri('decodeURI', decodeURI),
};

const LATIN1 = /^[\0-\xff]*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const btoa: NativeFunction = ([value], m) => {
  const text = toText(value, m);
  if (!LATIN1.test(text)) throw new ScriptFailure('btoa: the text has characters beyond U+00FF');
  return m.text(Buffer.from(text, 'latin1').toString('base64'));
};

const atob: NativeFunction = ([value], m) => {
  const text = toText(value, m).replace(/[\t\n\f\r ]/g, '');
  if (!BASE64.test(text) || text.replace(/=+$/, '').length % 4 === 1)
    throw new ScriptFailure('atob: the text is not base64');
  return m.text(Buffer.from(text, 'base64').toString('latin1'));
};

const assign: NativeFunction = ([target, ...sources], m) => {
  if (!isObject(target)) throw new ScriptFailure(`Object.assign: expected an object, not ${nameOf(target)}`);
  for (const source of sources) {
    if (source === null || source === undefined) continue;
    for (const key of keysOf(source, m)) writeMember(target, key, readMember(source, key), m);
  }
  return target;
};

const fromEntries: NativeFunction = ([list], m) => {
  if (!Array.isArray(list)) throw new ScriptFailure(`Object.fromEntries: expected a list, not ${nameOf(list)}`);
  m.items(list.length);
  const made: ScriptObject = {};
  for (const pair of list) writeMember(made, toKey(readMember(pair, '0'), m), readMember(pair, '1'), m);
  return made;
};

export const jsonNamespace: Namespace = {
  functions: new Map<string, NativeFunction>([
    ['parse', ([text], m) => parseText(toText(text, m), m)],
    [
      'stringify',
      ([value, replacer, indent], m) => {
        if (replacer !== null && replacer !== undefined)
          throw new ScriptFailure('JSON.stringify takes no replacer: give null');
        return stringify(value, indentOf(indent, m), m);
      },
    ],
  ]),
  constants: new Map(),
};

function indentOf(indent: Value, m: Parameters<NativeFunction>[1]): string {
  if (indent === undefined || indent === null) return '';
  if (typeof indent === 'string') return indent.slice(0, 10);
  return ' '.repeat(Math.min(10, Math.max(0, toInteger(indent, m))));
}

const numberOf: NativeFunction = (args, m) => (args.length === 0 ? 0 : toNumber(args[0], m));
const isFiniteNumber: NativeFunction = ([value], m) => Number.isFinite(toNumber(value, m));
const isNotNumber: NativeFunction = ([value], m) => Number.isNaN(toNumber(value, m));
/** Number.isInteger and its kin: false for what is no number; an exact number is one. */
const ofNumber =
  (test: (value: number) => boolean): NativeFunction =>
  ([value]) =>
    typeof value === 'number' || nameOf(value) === 'a number' ? test(Number(value)) : false;

const namespaces: Readonly<Record<string, Namespace>> = {
  Math: mathWith(toNumber),
  JSON: jsonNamespace,
  Object: {
    functions: new Map<string, NativeFunction>([
      ['keys', ([value], m) => keysOf(value, m)],
      ['values', ([value], m) => keysOf(value, m).map((key) => readMember(value, key))],
      ['entries', ([value], m) => keysOf(value, m).map((key) => [key, readMember(value, key)])],
      ['assign', assign],
      ['fromEntries', fromEntries],
    ]),
    constants: new Map(),
  },
  Array: {
    functions: new Map<string, NativeFunction>([['isArray', ([value]) => Array.isArray(value)]]),
    constants: new Map(),
  },
  Number: {
    functions: new Map<string, NativeFunction>([
      ['isInteger', ofNumber(Number.isInteger)],
      ['isSafeInteger', ofNumber(Number.isSafeInteger)],
      ['isFinite', ofNumber(Number.isFinite)],
      ['isNaN', ofNumber(Number.isNaN)],
      ['parseInt', parseIntOf],
      ['parseFloat', parseFloatOf],
    ]),
    constants: new Map<string, Value>(
      (
        [
          'MAX_SAFE_INTEGER',
          'MIN_SAFE_INTEGER',
          'MAX_VALUE',
          'MIN_VALUE',
          'EPSILON',
          'POSITIVE_INFINITY',
          'NEGATIVE_INFINITY',
          'NaN',
        ] as const
      ).map((name) => [name, Number[name]]),
    ),
  },
  String: {
    functions: new Map<string, NativeFunction>([
      ['fromCharCode', (args, m) => m.text(String.fromCharCode(...args.map((arg) => toNumber(arg, m))))],
    ]),
    constants: new Map(),
  },
  Date: {
    functions: new Map<string, NativeFunction>([
      ['now', (_args, m) => m.now],
      ['parse', ([text], m) => parseDate(toText(text, m))],
      ['UTC', utc],
    ]),
    constants: new Map(),
  },
};

/** Methods by name from tables by type. */
export function methodTable(
  tables: Readonly<Record<Exclude<keyof Methods, 'mutates'>, Readonly<Record<string, unknown>>>>,
  mutators: readonly string[],
): Map<string, Methods> {
  const names = new Set(Object.values(tables).flatMap((table) => Object.keys(table)));
  return new Map(
    [...names].map((name) => {
      const entries = Object.entries(tables).flatMap(([type, table]) =>
        Object.hasOwn(table, name) ? [[type, table[name]]] : [],
      );
      const methods: Methods = Object.fromEntries(entries);
      return [name, mutators.includes(name) ? { ...methods, mutates: true as const } : methods];
    }),
  );
}

export const objectMethods: Readonly<Record<string, NativeMethod<ScriptObject>>> = {
  hasOwnProperty: (self: ScriptObject, [key]: readonly Value[], m: Meter) => hasMember(self, toKey(key, m)),
};

const HINTS: Readonly<Record<string, string>> = {
  async: 'a script answers at once',
  Promise: 'a script answers at once: put slow work into a node of its own',
  setTimeout: 'use a flow/delay node',
  setInterval: 'use a flow/delay node',
  require: 'write the functions into the script',
  console: 'use an action/log node',
  eval: 'write the code itself',
  Function: 'write the function itself',
  Symbol: 'use texts as member names',
  Reflect: 'use object[key]',
  Proxy: 'use plain objects',
  globalThis: 'use msg, metadata and msgType',
  window: 'use msg, metadata and msgType',
  process: 'use msg, metadata and msgType',
  arguments: 'name the parameters',
  random: 'a chain gives the same answer to the same message: take a number of the message',
  match: 'use /pattern/.test(text), indexOf, split, substring',
  matchAll: 'use split and indexOf',
  search: 'use indexOf',
  exec: 'use /pattern/.test(text)',
  toLocaleString: 'use toFixed or toISOString',
  constructor: 'look at a member that tells the kind, or use Array.isArray',
  call: 'call the function itself',
  apply: 'write name(...list)',
  bind: 'write a function around it',
  'new Map': 'write {} and object[key]',
  'new Set': 'write {} or a list with includes',
  'new Array': 'write []',
  'new Object': 'write {}',
  'new Promise': 'a script answers at once',
  'new RegExp': 'write /pattern/.test(text)',
  'new Function': 'write the function itself',
  freeze: 'nothing outside the script can change its values',
};

export const javaScript: Language = {
  lang: 'JS',
  absent: undefined,
  equals: strictlyEqual,
  number: toNumber,
  entries: (map, m) => keysOf(map, m).map((key) => ({ key, value: readMember(map, key) })),
  namespaces: new Map(Object.entries(namespaces)),
  functions: new Map<string, NativeFunction>(
    Object.entries({
      String: (args, m) => (args.length === 0 ? '' : toText(args[0], m)),
      Number: numberOf,
      Boolean: ([value]) => isTruthy(value),
      parseInt: parseIntOf,
      parseFloat: parseFloatOf,
      isNaN: isNotNumber,
      isFinite: isFiniteNumber,
      btoa,
      atob,
      ...uriFunctions,
    } satisfies Record<string, NativeFunction>),
  ),
  constants: new Map<string, Value>([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
  ]),
  makers: new Map<string, NativeFunction>([
    ['Date', makeDate],
    ['Error', ([message], m) => ({ name: 'Error', message: message === undefined ? '' : toText(message, m) })],
  ]),
  methods: methodTable(
    { text: textMethods, list: listMethods, number: numberMethods, object: objectMethods, date: dateMethods },
    LIST_MUTATORS,
  ),
  hints: new Map(Object.entries(HINTS)),
};
