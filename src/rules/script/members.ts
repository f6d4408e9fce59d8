import { ExactNumber } from '../../model/json.ts';
import { Secret } from '../../model/secret.ts';
import { setOwn } from '../record.ts';
import { secretRead, toInteger, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import { MAX_KEY_LENGTH } from './limits.ts';
import type { Meter } from './meter.ts';
import { isObject, nameOf, ScriptDate, ScriptFunction, type ScriptObject, type Value } from './values.ts';

const INDEX = /^(?:0|[1-9]\d{0,9})$/;

/** A member by its name, or undefined; the one reading of members there is. */
export function readMember(owner: Value, key: string): Value {
  if (typeof owner === 'object' && owner !== null) {
    if (Array.isArray(owner)) return readItem(owner, key);
    if (owner instanceof Secret) throw secretRead();
    if (owner instanceof ExactNumber || owner instanceof ScriptDate || owner instanceof ScriptFunction)
      return undefined;
    return Object.hasOwn(owner, key) ? owner[key] : undefined;
  }
  if (typeof owner === 'string') return readCharacter(owner, key);
  if (owner === null || owner === undefined) throw new ScriptFailure(`cannot read "${short(key)}" of ${owner}`);
  return undefined;
}

function readItem(list: readonly Value[], key: string): Value {
  if (key === 'length') return list.length;
  return INDEX.test(key) ? list[Number(key)] : undefined;
}

function readCharacter(text: string, key: string): Value {
  if (key === 'length') return text.length;
  return INDEX.test(key) ? text[Number(key)] : undefined;
}

/** `owner[key]`. */
export function readComputed(owner: Value, key: Value, m: Meter): Value {
  if (typeof key === 'number' && (Array.isArray(owner) || typeof owner === 'string')) {
    return Number.isInteger(key) && key >= 0 && key < owner.length ? owner[key] : undefined;
  }
  return readMember(owner, toKey(key, m));
}

export function toKey(key: Value, m: Meter): string {
  const name = toText(key, m);
  if (name.length > MAX_KEY_LENGTH)
    throw new ScriptFailure(`a member's name is longer than ${MAX_KEY_LENGTH} characters`);
  return name;
}

/** Sets a member as data; the one writing of members there is. */
export function writeMember(owner: Value, key: string, value: Value, m: Meter): void {
  if (Array.isArray(owner)) writeItem(owner, key, value, m);
  else if (isObject(owner)) writeKey(owner, key, value, m);
  else if (owner instanceof Secret) throw secretRead();
  else throw new ScriptFailure(`cannot set "${short(key)}" of ${nameOf(owner)}`);
}

function writeKey(owner: ScriptObject, key: string, value: Value, m: Meter): void {
  // Counting members takes time: objects grow by one member for each unit of fuel, and are counted when they leave.
  m.spend(1);
  setOwn(owner, key, value);
}

function writeItem(list: Value[], key: string, value: Value, m: Meter): void {
  if (key === 'length') {
    const length = toInteger(value, m);
    if (length < 0 || length > list.length) throw new ScriptFailure('the length of a list can only be made smaller');
    list.length = length;
    return;
  }
  if (!INDEX.test(key)) throw new ScriptFailure(`a list has no member "${short(key)}"`);
  const index = Number(key);
  if (index >= list.length) m.items(index + 1);
  while (list.length < index) list.push(undefined);
  list[index] = value;
}

export function deleteMember(owner: Value, key: string): boolean {
  if (isObject(owner)) {
    if (Object.hasOwn(owner, key)) delete owner[key];
    return true;
  }
  throw new ScriptFailure(`cannot delete "${short(key)}" of ${nameOf(owner)}`);
}

/** The `in` operator: own members only. */
export function hasMember(owner: Value, key: string): boolean {
  if (Array.isArray(owner)) return key === 'length' || (INDEX.test(key) && Number(key) < owner.length);
  if (isObject(owner)) return Object.hasOwn(owner, key);
  throw new ScriptFailure(`${nameOf(owner)} has no members to look for`);
}

/** Own keys, in order. */
export function keysOf(owner: Value, m: Meter): string[] {
  if (typeof owner !== 'object' || owner === null) {
    if (typeof owner === 'string') return indexesOf(owner.length, m);
    if (owner === null || owner === undefined) throw new ScriptFailure(`${owner} has no members`);
    return [];
  }
  if (Array.isArray(owner)) return indexesOf(owner.length, m);
  if (owner instanceof Secret) throw secretRead();
  if (!isObject(owner)) return [];
  const keys = Object.keys(owner);
  m.items(keys.length);
  return keys;
}

/** TBEL's `empty`: nothing, or nothing in it. Members of an object are counted, which is paid for. */
export function isEmpty(value: Value, m: Meter): boolean {
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (!isObject(value)) return false;
  const count = Object.keys(value).length;
  m.spend(count >> 3);
  return count === 0;
}

function indexesOf(length: number, m: Meter): string[] {
  m.items(length);
  return Array.from({ length }, (_, index) => String(index));
}

const short = (key: string): string => (key.length > 40 ? `${key.slice(0, 40)}…` : key);
