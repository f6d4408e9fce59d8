import { type JsonObject, stringifyJson } from '../../model/json.ts';
import { storedObject } from '../stored-json.ts';

/** What a device sent at one instant, as far as it still is the latest: only `keys` of `text` count. */
export interface Fragment {
  readonly ts: number;
  /** JSON array of the keys: one text per set and order of keys, so that equal sets compare as texts. */
  readonly keys: string;
  /** JSON object. */
  readonly text: string;
}

export interface NewValues {
  readonly ts: number;
  readonly values: JsonObject;
  readonly text: string;
}

let lastKeys: readonly string[] = [];
let lastText = '[]';

/** The keys of values in their order. Devices of one kind send the same ones: the last answer is kept. */
export function keysText(values: JsonObject): string {
  let at = 0;
  for (const key in values) {
    if (lastKeys[at] !== key) return freshKeysText(values);
    at++;
  }
  return at === lastKeys.length ? lastText : freshKeysText(values);
}

function freshKeysText(values: JsonObject): string {
  lastKeys = Object.keys(values);
  lastText = JSON.stringify(lastKeys);
  return lastText;
}

/** Latest values after further writes, in the order they were made: the highest time wins, at equal times the later write. */
export function mergeLatest(fragments: readonly Fragment[], writes: readonly NewValues[]): readonly Fragment[] {
  const merged: MutableFragment[] = fragments.map(({ ts, keys, text }) => ({ ts, keys: JSON.parse(keys), text }));
  const owners = new Map<string, MutableFragment>();
  for (const fragment of merged) for (const key of fragment.keys) owners.set(key, fragment);
  for (const write of writes) {
    const keys = Object.keys(write.values);
    const won = keys.filter((key) => (owners.get(key)?.ts ?? Number.NEGATIVE_INFINITY) <= write.ts);
    if (won.length === 0) continue;
    const text = won.length === keys.length ? write.text : onlyKeys(write.values, won);
    const fragment: MutableFragment = { ts: write.ts, keys: won, text };
    for (const key of won) {
      const owner = owners.get(key);
      if (owner !== undefined) owner.lost = (owner.lost ?? new Set()).add(key);
      owners.set(key, fragment);
    }
    merged.push(fragment);
  }
  return merged.flatMap((fragment) => settled(fragment) ?? []);
}

interface MutableFragment {
  readonly ts: number;
  readonly keys: readonly string[];
  readonly text: string;
  lost?: Set<string>;
}

/** Without the values that are no longer the latest, so that a record does not grow with what nobody can read. */
function settled({ ts, keys, text, lost }: MutableFragment): Fragment | undefined {
  if (lost === undefined) return { ts, keys: JSON.stringify(keys), text };
  const rest = keys.filter((key) => !lost.has(key));
  if (rest.length === 0) return undefined;
  return { ts, keys: JSON.stringify(rest), text: onlyKeys(storedObject(text), rest) };
}

const onlyKeys = (values: JsonObject, keys: readonly string[]): string =>
  stringifyJson(Object.fromEntries(keys.map((key) => [key, values[key] ?? null])));

/** Whether no earlier or equal-timed value of `older` is missing from `newest`: then only `newest` can be the latest. */
export function covers(newest: JsonObject, older: JsonObject): boolean {
  for (const key in older) if (!Object.hasOwn(newest, key)) return false;
  return true;
}
