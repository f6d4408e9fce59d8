import { type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { MsgData } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';

/** The body with the values of the secret keys wrapped; the same object when there are none. */
export function wrapSecrets(data: JsonObject, secretKeys: ReadonlySet<string>): MsgData {
  let wrapped: Record<string, JsonValue | Secret> | undefined;
  for (const key of secretKeys) {
    const value = Object.hasOwn(data, key) ? data[key] : undefined;
    if (value === undefined || value === null) continue;
    wrapped ??= { ...data };
    wrapped[key] = new Secret(typeof value === 'string' ? value : stringifyJson(value));
  }
  return wrapped ?? data;
}

/** The plain members of a body: what may be stored. */
export function withoutSecrets(data: MsgData): JsonObject {
  const entries = Object.entries(data);
  if (!entries.some(([, value]) => value instanceof Secret)) return data as JsonObject;
  return Object.fromEntries(entries.filter(([, value]) => !(value instanceof Secret))) as JsonObject;
}
