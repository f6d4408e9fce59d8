import { ExactNumber, type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { MsgData } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';
import { TAG_PREFIX } from '../model/telemetry.ts';

/**
 * The body with the values of the secret keys wrapped; the same object when there are none. Deeper in the body, where no
 * node looks for a secret, the value is replaced by `[redacted]`: the rest is kept, the secret is nowhere. A key that differs in case or
 * in what stands between its words only was mistyped: its value is no less a secret, and must not be stored. So is a tag of
 * that name.
 */
export function wrapSecrets(data: JsonObject, secretKeys: ReadonlySet<string>): MsgData {
  const names = namesOf(secretKeys);
  let wrapped: Record<string, JsonValue | Secret> | undefined;
  for (const key in data) {
    const value = data[key];
    if (value === undefined || value === null) continue;
    if (!isSecret(key, names)) {
      if (typeof value !== 'object') continue;
      const clean = withoutNested(value, names);
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
function withoutNested(value: JsonValue, names: SecretNames): JsonValue {
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutNested(item, names));
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  let clean: JsonObject | undefined;
  for (const key in value) {
    const inner = value[key] ?? null;
    const next = inner !== null && isSecret(key, names) ? '[redacted]' : withoutNested(inner, names);
    if (next === inner) continue;
    clean ??= { ...value };
    clean[key] = next;
  }
  return clean ?? value;
}

interface SecretNames {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
  readonly shortest: number;
}

const isSecret = (key: string, { exact, folded, shortest }: SecretNames): boolean =>
  key.length >= shortest && (exact.has(key) || folded.has(fold(key)));

const knownNames = new WeakMap<ReadonlySet<string>, SecretNames>();
let last: SecretNames | undefined;

/** Made once for each generation's set; nearly every message is of the same generation as the one before. */
function namesOf(exact: ReadonlySet<string>): SecretNames {
  if (last?.exact === exact) return last;
  const folded = new Set([...exact].flatMap((name) => [fold(name), fold(TAG_PREFIX + name)]));
  last = knownNames.get(exact) ?? { exact, folded, shortest: Math.min(...[...folded].map((name) => name.length)) };
  knownNames.set(exact, last);
  return last;
}

const fold = (key: string): string => key.toLowerCase().replaceAll(/[\s_-]/g, '');

/** The plain members of a body: what may be stored or sent. The same object when there is no secret. */
export function withoutSecrets(data: MsgData): JsonObject {
  let clean = true;
  for (const key in data) if (data[key] instanceof Secret) clean = false;
  if (clean) return data as JsonObject;
  return Object.fromEntries(Object.entries(data).filter(([, value]) => !(value instanceof Secret))) as JsonObject;
}
