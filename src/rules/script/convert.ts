import { ExactNumber } from '../../model/json.ts';
import { Secret } from '../../model/secret.ts';
import { ScriptFailure } from './failure.ts';
import { MAX_VALUE_DEPTH } from './limits.ts';
import type { Meter } from './meter.ts';
import { isObject, ScriptDate, ScriptFunction, type Value } from './values.ts';

export type Primitive = undefined | null | boolean | number | string;

const INTEGER = /^-?\d+$/;

/** A secret can be moved and deleted, never read. */
export function secretRead(): ScriptFailure {
  return new ScriptFailure('a secret can be moved or deleted by a script, never read');
}

/** JavaScript's ToPrimitive with the hint "number", without ever calling anything of the value. */
export function toPrimitive(value: Value, m: Meter): Primitive {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ExactNumber) return value.valueOf();
  if (value instanceof ScriptDate) return value.ms;
  return toText(value, m);
}

/** JavaScript's String(value). Integers beyond 2^53 keep their digits; a date or a function has no text. */
export function toText(value: Value, m: Meter): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  return textOf(value, m, 0);
}

function textOf(value: Value, m: Meter, depth: number): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof ExactNumber) {
    return INTEGER.test(value.text) && !Number.isSafeInteger(value.valueOf()) ? value.text : String(value.valueOf());
  }
  if (value instanceof Secret) throw secretRead();
  if (value instanceof ScriptFunction) throw new ScriptFailure('a function has no text');
  if (value instanceof ScriptDate) throw new ScriptFailure('a date has no text of its own: write .toISOString()');
  return Array.isArray(value) ? joinList(value, ',', m, depth + 1) : '[object Object]';
}

/** Items as texts, with nothing for null and undefined, as JavaScript's join does. */
export function joinList(list: readonly Value[], separator: string, m: Meter, depth = 1): string {
  if (depth > MAX_VALUE_DEPTH) throw new ScriptFailure(`a list is nested deeper than ${MAX_VALUE_DEPTH} levels`, true);
  m.items(list.length);
  let text = '';
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (index > 0) text += separator;
    if (item !== null && item !== undefined) text += textOf(item, m, depth);
    m.willMakeText(text.length);
  }
  return m.text(text);
}

/** JavaScript's Number(value). */
export function toNumber(value: Value, m: Meter): number {
  if (typeof value === 'number') return value;
  const primitive = toPrimitive(value, m);
  if (typeof primitive === 'string') m.spend(primitive.length >> 6);
  return Number(primitive);
}

/** The number of a count, an index or a length: whole, NaN as 0. */
export function toInteger(value: Value, m: Meter): number {
  const number = toNumber(value, m);
  return Number.isNaN(number) ? 0 : Math.trunc(number);
}

export function isTruthy(value: Value): boolean {
  if (value instanceof ExactNumber) return Boolean(value.valueOf());
  return Boolean(value);
}

/** JavaScript's ===; exact numbers compare by their number. */
export function strictlyEqual(a: Value, b: Value, m: Meter): boolean {
  if (typeof a === 'string') {
    if (typeof b !== 'string' || a.length !== b.length) return false;
    if (a.length > 64) m.spend(a.length >> 6);
    return a === b;
  }
  if (a instanceof ExactNumber) return a === b || strictlyEqual(a.valueOf(), b, m);
  if (b instanceof ExactNumber) return a === b.valueOf();
  return a === b;
}

/** JavaScript's ==. A secret equals nothing but itself. */
export function looselyEqual(a: Value, b: Value, m: Meter): boolean {
  if (a === null || a === undefined) return b === null || b === undefined;
  if (b === null || b === undefined) return false;
  if (a instanceof Secret || b instanceof Secret) return a === b;
  if (typeof a === typeof b || (isBoxed(a) && isBoxed(b))) return strictlyEqual(a, b, m);
  if (isFixed(a) || isFixed(b)) return a === b;
  const left = toPrimitive(a, m);
  const right = toPrimitive(b, m);
  if (typeof left === 'string' && typeof right === 'string') return strictlyEqual(left, right, m);
  return toNumber(left, m) === toNumber(right, m);
}

/** JavaScript's < of two values: undefined when one is not a number. */
export function isLess(a: Value, b: Value, m: Meter): boolean | undefined {
  const left = toPrimitive(a, m);
  const right = toPrimitive(b, m);
  if (typeof left === 'string' && typeof right === 'string') {
    m.spend(Math.min(left.length, right.length) >> 6);
    return left < right;
  }
  const x = toNumber(left, m);
  const y = toNumber(right, m);
  return Number.isNaN(x) || Number.isNaN(y) ? undefined : x < y;
}

/** What stands for a JavaScript number inside an object. */
const isBoxed = (value: Value): boolean => typeof value === 'number' || value instanceof ExactNumber;
const isFixed = (value: Value): boolean => value instanceof ScriptDate || value instanceof ScriptFunction;

/** JavaScript's typeof; a secret is an object, and only that. */
export function typeOf(value: Value): string {
  if (value instanceof ExactNumber) return 'number';
  if (value instanceof ScriptFunction) return 'function';
  return isObject(value) || Array.isArray(value) ? 'object' : typeof value;
}
