import { type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { TimedValue } from '../model/telemetry.ts';

/** Attributes as they were asked for: a scope without any is absent. */
export interface AttributesFound {
  readonly client?: ReadonlyMap<string, TimedValue>;
  readonly shared?: ReadonlyMap<string, TimedValue>;
  /** How many keys were named. */
  readonly keys: number;
}

export function formatFound({ client, shared }: AttributesFound): string {
  const values = (found: ReadonlyMap<string, TimedValue>): JsonObject =>
    Object.fromEntries([...found].map(([key, { value }]) => [key, value]));
  return stringifyJson({
    ...(client ? { client: values(client) } : {}),
    ...(shared ? { shared: values(shared) } : {}),
  });
}

/** Keys of a request: comma-separated text, not trimmed; a one-element array works too (thingsboard-device-api 3.5). */
export function keyList(value: JsonValue | undefined): readonly string[] | undefined | 'wrong' {
  if (value === undefined || value === null) return undefined;
  const text = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof text === 'string' ? text.split(',') : 'wrong';
}
