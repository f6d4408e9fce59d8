import { readTime } from '../device-api/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json.ts';

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export const own = (object: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** A list of texts from one of its forms: an array, or a member of an object; undefined when it is none. */
export function texts(value: JsonValue | undefined, member: string): readonly string[] | undefined {
  const list = isJsonObject(value) ? own(value, member) : value;
  if (list === undefined || list === null) return [];
  return Array.isArray(list) && list.every((one) => typeof one === 'string') ? list : undefined;
}

/** A JSON object of these entries; a key `__proto__` is one like any other. */
export const objectOf = (entries: Iterable<readonly [string, JsonValue]>): JsonObject => Object.fromEntries(entries);

/** The member `time` as it came, `now` without one; undefined when it is no time. */
export function timeOf(object: JsonObject, now: number): JsonValue | undefined {
  const time = own(object, 'time') ?? now;
  return readTime(time) === undefined ? undefined : time;
}

export const NO_TIME = '"time" must be an integer of milliseconds';

export const problem = <T>(text: string): Decoded<T> => ({ ok: false, problem: text });
export const decoded = <T>(value: T): Decoded<T> => ({ ok: true, value });
