import { type JsonObject, stringifyJson } from '../../model/json.ts';
import type { TimedValue } from '../../model/telemetry.ts';
import { storedJson } from '../stored-json.ts';
import type { Word } from './connection.ts';
import { latestKey } from './keys.ts';
import type { Queue } from './queue.ts';
import { sampleOf, sampleText } from './samples.ts';
import { loadTimed } from './scripts.ts';

const DROP = loadTimed('drop-latest');
/** Every name of a value has it, so that the field of the highest time is none. */
const VALUE = '=';
export const HIGHEST = '#';

export const latestField = (key: string): string => `${VALUE}${key}`;
export const latestText = (ts: number, value: JsonObject[string]): string => sampleText(ts, stringifyJson(value));

interface Written {
  readonly ts: number;
  readonly values: JsonObject;
}

/** What a group of writes leaves as the latest values, in runs of equal time that rise: the words that `save-samples` reads. */
export function latestRuns(writes: readonly Written[]): { readonly runs: number; readonly words: readonly Word[] } {
  const [only] = writes;
  if (only !== undefined && writes.length === 1) {
    const keys = Object.keys(only.values);
    return keys.length === 0 ? { runs: 0, words: [] } : { runs: 1, words: runWords(only, keys) };
  }
  const newest = new Map<string, Written>();
  for (const write of writes) {
    for (const key of Object.keys(write.values)) {
      if ((newest.get(key)?.ts ?? Number.NEGATIVE_INFINITY) <= write.ts) newest.set(key, write);
    }
  }
  const runs = new Map<Written, string[]>();
  for (const [key, write] of newest) {
    const keys = runs.get(write);
    if (keys === undefined) runs.set(write, [key]);
    else keys.push(key);
  }
  const rising = [...runs].sort(([a], [b]) => a.ts - b.ts);
  return { runs: rising.length, words: rising.flatMap(([write, keys]) => runWords(write, keys)) };
}

function runWords({ ts, values }: Written, keys: readonly string[]): Word[] {
  const words: Word[] = [ts, keys.length, HIGHEST, ts];
  for (const key of keys) words.push(latestField(key), latestText(ts, values[key] ?? null));
  return words;
}

/** Named keys, or all; absent ones are left out. */
export async function readLatest(
  queue: Queue,
  id: string,
  keys?: readonly string[],
): Promise<ReadonlyMap<string, TimedValue>> {
  const values = new Map<string, TimedValue>();
  for (const [key, text] of await readTexts(queue, id, keys)) {
    const { ts, text: json } = sampleOf(text);
    values.set(key, { ts, value: storedJson(json) });
  }
  return values;
}

/** The same as they are stored: time, space, JSON. */
export async function readTexts(
  queue: Queue,
  id: string,
  keys: readonly string[] | undefined,
): Promise<readonly (readonly [string, string])[]> {
  if (keys !== undefined) {
    const wanted = [...new Set(keys)];
    if (wanted.length === 0) return [];
    const texts = (await queue.send('hmget', [latestKey(id), ...wanted.map(latestField)])) as (string | null)[];
    return wanted.flatMap((key, at) => {
      const text = texts[at];
      return typeof text === 'string' ? [[key, text] as const] : [];
    });
  }
  const flat = (await queue.send('hgetall', [latestKey(id)])) as readonly string[];
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const field = flat[at] ?? '';
    if (field.startsWith(VALUE)) found.push([field.slice(VALUE.length), flat[at + 1] ?? '']);
  }
  return found;
}

/** Removes the latest values of the keys whose time is in the range; gives the keys. */
export async function dropLatest(
  queue: Queue,
  id: string,
  { keys, startTs, endTs }: { readonly keys: readonly string[]; readonly startTs: number; readonly endTs: number },
): Promise<readonly string[]> {
  const gone = (await readTexts(queue, id, keys)).filter(([, text]) => {
    const { ts } = sampleOf(text);
    return ts >= startTs && ts < endTs;
  });
  if (gone.length === 0) return [];
  const words = gone.flatMap(([key, text]) => [latestField(key), text]);
  await queue.timed(DROP, [latestKey(id)], words);
  return gone.map(([key]) => key);
}
