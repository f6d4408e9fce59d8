import { ExactNumber, type JsonValue } from '../../model/json.ts';
import { Secret } from '../../model/secret.ts';
import { setOwn } from '../record.ts';
import { ScriptFailure } from './failure.ts';
import { MAX_VALUE_DEPTH } from './limits.ts';
import { isObject, nameOf, ScriptDate, ScriptFunction, type ScriptObject, type Value } from './values.ts';

/** Counts characters of values that come in or go out; throws when there are too many. */
export class Ruler {
  readonly #what: string;
  readonly #most: number;
  #used = 0;

  constructor(what: string, most: number) {
    this.#what = what;
    this.#most = most;
  }

  copy(): Ruler {
    const copy = new Ruler(this.#what, this.#most);
    copy.#used = this.#used;
    return copy;
  }

  add(characters: number): void {
    this.#used += characters;
    if (this.#used > this.#most)
      throw new ScriptFailure(`the ${this.#what} is larger than ${this.#most} characters`, true);
  }
}

/** An argument: measured, and copied when the script could change it. A message's own body is never changed. */
export function takeIn(value: Value, ruler: Ruler, copy: boolean, depth = 0): Value {
  if (typeof value === 'string') ruler.add(value.length + 2);
  else ruler.add(5);
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber || value instanceof Secret)
    return value;
  if (depth > MAX_VALUE_DEPTH)
    throw new ScriptFailure(`the message is nested deeper than ${MAX_VALUE_DEPTH} levels`, true);
  if (Array.isArray(value)) {
    if (copy) return value.map((item) => takeIn(item, ruler, copy, depth + 1));
    for (const item of value) takeIn(item, ruler, copy, depth + 1);
    return value;
  }
  if (!isObject(value)) return value;
  const made: ScriptObject = {};
  for (const key of Object.keys(value)) {
    ruler.add(key.length + 3);
    const inner = takeIn(value[key], ruler, copy, depth + 1);
    if (copy) setOwn(made, key, inner);
  }
  return copy ? made : value;
}

/** Whether a value is JSON as it stands: then it leaves as it is. Counts its characters. */
export function isJson(value: Value, ruler: Ruler, depth = 0): boolean {
  if (typeof value === 'number') {
    ruler.add(5);
    return Number.isFinite(value);
  }
  if (typeof value === 'string') {
    ruler.add(value.length + 2);
    return true;
  }
  ruler.add(5);
  if (value === null || typeof value === 'boolean' || value instanceof ExactNumber) return true;
  if (depth > MAX_VALUE_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, ruler, depth + 1));
  if (!isObject(value)) return false;
  for (const key of Object.keys(value)) {
    ruler.add(key.length + 3);
    if (!isJson(value[key], ruler, depth + 1)) return false;
  }
  return true;
}

/**
 * A copy of a result as JSON. Undefined members are left out, undefined items become null,
 * dates ISO texts. What JSON has not (NaN, functions) and a secret inside are failures that name the place.
 */
export function giveOut(value: Value, place: string, ruler: Ruler, depth = 0): JsonValue {
  if (typeof value === 'string') {
    ruler.add(value.length + 2);
    return value;
  }
  ruler.add(5);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new ScriptFailure(`${place} is ${value}: JSON has no such number`);
  }
  if (value === undefined) return null;
  if (value === null || typeof value === 'boolean' || value instanceof ExactNumber) return value;
  if (value instanceof Secret) throw new ScriptFailure(`${place} is a secret: it may only be a member of msg itself`);
  if (value instanceof ScriptFunction) throw new ScriptFailure(`${place} is ${nameOf(value)}: JSON has none`);
  if (value instanceof ScriptDate) {
    if (Number.isNaN(value.ms)) throw new ScriptFailure(`${place} is a date that is not valid`);
    return new Date(value.ms).toISOString();
  }
  if (depth > MAX_VALUE_DEPTH) throw new ScriptFailure(`${place} is nested deeper than ${MAX_VALUE_DEPTH} levels`);
  return Array.isArray(value) ? giveList(value, place, ruler, depth) : giveMembers(value, place, ruler, depth);
}

function giveList(list: Value[], place: string, ruler: Ruler, depth: number): JsonValue[] {
  const items: JsonValue[] = [];
  for (let index = 0; index < list.length; index++) {
    items.push(giveOut(list[index], `${place}[${index}]`, ruler, depth + 1));
  }
  return items;
}

function giveMembers(object: ScriptObject, place: string, ruler: Ruler, depth: number): { [key: string]: JsonValue } {
  const made: { [key: string]: JsonValue } = {};
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    ruler.add(key.length + 3);
    setOwn(made, key, giveOut(value, `${place}.${key}`, ruler, depth + 1));
  }
  return made;
}
