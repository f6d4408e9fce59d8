import { type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { MsgData } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';

/**
 * The body with the values of the secret keys wrapped; the same object when there are none. A key that differs in case or
 * in what stands between its words only was mistyped: its value is no less a secret, and must not be stored.
 */
export function wrapSecrets(data: JsonObject, secretKeys: ReadonlySet<string>): MsgData {
  const { names, shortest } = foldedOf(secretKeys);
  let wrapped: Record<string, JsonValue | Secret> | undefined;
  for (const key in data) {
    if (key.length < shortest || !(secretKeys.has(key) || names.has(fold(key)))) continue;
    const value = data[key];
    if (value === undefined || value === null) continue;
    wrapped ??= { ...data };
    wrapped[key] = new Secret(typeof value === 'string' ? value : stringifyJson(value));
  }
  return wrapped ?? data;
}

interface Folded {
  readonly names: ReadonlySet<string>;
  readonly shortest: number;
}

const foldedSets = new WeakMap<ReadonlySet<string>, Folded>();

/** Made once for each generation's set. */
function foldedOf(secretKeys: ReadonlySet<string>): Folded {
  const known = foldedSets.get(secretKeys);
  if (known) return known;
  const names = new Set([...secretKeys].map(fold));
  const made = { names, shortest: Math.min(...[...names].map((name) => name.length)) };
  foldedSets.set(secretKeys, made);
  return made;
}

const fold = (key: string): string => key.toLowerCase().replaceAll(/[\s_-]/g, '');

/** The plain members of a body: what may be stored. */
export function withoutSecrets(data: MsgData): JsonObject {
  const entries = Object.entries(data);
  if (!entries.some(([, value]) => value instanceof Secret)) return data as JsonObject;
  return Object.fromEntries(entries.filter(([, value]) => !(value instanceof Secret))) as JsonObject;
}
