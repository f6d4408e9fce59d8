import { type JsonObject, stringifyJson } from '../model/json.ts';
import { storedObject } from './stored-json.ts';

/** What an entity sent at one time, as exact JSON text. */
export type TextSample = readonly [ts: number, text: string];

/** Samples of an entity that follow each other in time. Parts are counted from 0. */
export interface HistoryPart {
  readonly entityId: string;
  readonly part: number;
  readonly samples: readonly TextSample[];
}

const MOST_SAMPLES = 64;
const MOST_LENGTH = 64 * 1024;
/** Samples further apart stand in different parts, ms. */
const MAX_GAP_MS = 2 ** 31;

/**
 * Cuts samples in order of time, those of equal time in the order of their writing, into parts that depend on nothing else: equal
 * histories have equal parts. Of equal times one sample becomes of all.
 */
export async function* historyParts(
  entityId: string,
  samples: AsyncIterable<TextSample> | Iterable<TextSample>,
): AsyncGenerator<HistoryPart> {
  let part = 0;
  let run: TextSample[] = [];
  let length = 0;
  for await (const sample of onePerTime(samples)) {
    const before = run.at(-1);
    const [ts, text] = sample;
    const full = run.length >= MOST_SAMPLES || length + text.length > MOST_LENGTH;
    if (before !== undefined && (full || ts - before[0] > MAX_GAP_MS)) {
      yield { entityId, part: part++, samples: run };
      run = [];
      length = 0;
    }
    run.push(sample);
    length += text.length;
  }
  if (run.length > 0) yield { entityId, part, samples: run };
}

async function* onePerTime(samples: AsyncIterable<TextSample> | Iterable<TextSample>): AsyncGenerator<TextSample> {
  let ts = 0;
  let texts: string[] = [];
  for await (const [time, text] of samples) {
    if (texts.length > 0 && time !== ts) {
      yield [ts, merged(texts)];
      texts = [];
    }
    ts = time;
    if (texts.at(-1) !== text) texts.push(text);
  }
  if (texts.length > 0) yield [ts, merged(texts)];
}

/** Of a key that several have, the last value counts. */
function merged(texts: readonly string[]): string {
  const [only = '{}'] = texts;
  if (texts.length === 1) return only;
  return stringifyJson(Object.fromEntries(texts.flatMap((text) => Object.entries(storedObject(text)))) as JsonObject);
}
