import { ExactNumber, type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { MsgData } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';

/**
 * The body with the values of the secret keys wrapped; the same object when there are none. Deeper in the body, where no
 * node looks for a secret, the value is replaced by `[redacted]`: the rest is kept, the secret is nowhere. A key that differs in case or
 * in what stands between its words only was mistyped: its value is no less a secret, and must not be stored.
 */
export function wrapSecrets(data: JsonObject, secretKeys: ReadonlySet<string>): MsgData {
  const { names, shortest } = foldedOf(secretKeys);
  let wrapped: Record<string, JsonValue | Secret> | undefined;
  const isSecret = (key: string): boolean => key.length >= shortest && (secretKeys.has(key) || names.has(fold(key)));
  for (const key in data) {
    const value = data[key];
    if (value === undefined || value === null) continue;
    if (!isSecret(key)) {
      if (typeof value !== 'object') continue;
      const clean = withoutNested(value, isSecret);
      if (clean === value) continue;
      wrapped ??= { ...data };
      wrapped[key] = clean;
      continue;
    }
    wrapped ??= { ...data };
    wrapped[key] = new Secret(typeof value === 'string' ? value : stringifyJson(value));
  }
  return wrapped ?? data;
}

/** The value itself when nothing secret is in it. Depth is bounded by the parser. */
function withoutNested(value: JsonValue, isSecret: (key: string) => boolean): JsonValue {
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutNested(item, isSecret));
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  let clean: JsonObject | undefined;
  for (const key in value) {
    const inner = value[key] ?? null;
    const next = inner !== null && isSecret(key) ? '[redacted]' : withoutNested(inner, isSecret);
    if (next === inner) continue;
    clean ??= { ...value };
    clean[key] = next;
  }
  return clean ?? value;
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

/** The plain members of a body: what may be stored or sent. The same object when there is no secret. */
export function withoutSecrets(data: MsgData): JsonObject {
  let clean = true;
  for (const key in data) if (data[key] instanceof Secret) clean = false;
  if (clean) return data as JsonObject;
  return Object.fromEntries(Object.entries(data).filter(([, value]) => !(value instanceof Secret))) as JsonObject;
}
