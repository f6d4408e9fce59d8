import { BrokerError } from '../errors.ts';
import { type JsonObject, type JsonValue, parseJson, stringifyJson } from '../model/json.ts';

/** A record that cannot be read; the rest of the store can. */
export function corrupt(detail: string): BrokerError {
  return new BrokerError('STORE_CORRUPT', { detail: `The store holds a damaged record: ${detail}.` });
}

/** JSON that the store itself wrote; numbers keep their text. */
export function storedJson(text: string): JsonValue {
  const parsed = parseJson(text, { maxDepth: Number.POSITIVE_INFINITY });
  if (parsed.ok) return parsed.value;
  try {
    // A lone surrogate, which parseJson refuses at the door: a script may have made one.
    return JSON.parse(text) as JsonValue;
  } catch {
    throw corrupt('a record is not JSON');
  }
}

/** Half of a surrogate pair as JSON writes it. */
const LONE_SURROGATE = /\\ud[89a-f]/i;

/** Whether `storedJson` gives the nearest numbers only, and not their text. */
export const isInexact = (text: string): boolean => LONE_SURROGATE.test(text);

/** The text of what is read of a stored text. */
export const textAsRead = (text: string): string => (isInexact(text) ? stringifyJson(storedJson(text)) : text);

export function storedObject(text: string): JsonObject {
  const value = storedJson(text);
  if (value === null || typeof value !== 'object') throw corrupt('a record is not an object');
  return value as JsonObject;
}
