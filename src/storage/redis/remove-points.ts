import { type JsonObject, stringifyJson } from '../../model/json.ts';
import { storedObject } from '../stored-json.ts';
import type { RemoveQuery } from '../telemetry-store.ts';
import { filterChunk, type Keep, readChunks, readIndex, readSpan, seal } from './chunks.ts';
import { latestKey } from './keys.ts';
import type { Lanes } from './lanes.ts';
import { dropLatest, latestField, latestText } from './latest.ts';
import type { Queue } from './queue.ts';
import { clampTs, readRange } from './range.ts';
import { loadTimed } from './scripts.ts';

/** Chunks that one step looks at: each may have to be written again. */
const CHUNKS_PER_STEP = 50;
const RESTORE = loadTimed('restore-latest');

/** The port's `remove`: latest values and open samples between the writes before and after the call, then chunk by chunk. */
export async function removePoints(
  queue: Queue,
  lanes: Pick<Lanes<never>, 'alone'>,
  query: RemoveQuery,
): Promise<void> {
  const { entityId: id, keys, latest } = query;
  const range = { keys, startTs: clampTs(query.startTs), endTs: clampTs(query.endTs) };
  if (keys.length === 0 || !(range.startTs < range.endTs)) return;
  const keep = keepOthers(range);
  // Samples that are written after the call come into chunks of a higher number: they stay.
  const { last, lost } = await lanes.alone(id, async () => {
    const gone = latest === 'keep' ? [] : await dropLatest(queue, id, range);
    return { last: (await seal(queue, id, keep)).last, lost: gone };
  });
  const span = await readSpan(queue, id);
  await eachChunk(queue, id, { from: range.startTs - span, to: `(${range.endTs}`, last, keep });
  if (latest === 'rewrite' && lost.length > 0) await rewriteLatest(queue, id, lost);
}

/** Filters the chunks up to the number `last` that begin in the span. */
async function eachChunk(
  queue: Queue,
  id: string,
  { from, to, last, keep }: { from: number; readonly to: string; readonly last: number; readonly keep: Keep },
): Promise<void> {
  let next: string | number = from;
  for (let limit = CHUNKS_PER_STEP; ; ) {
    const page = await readIndex(queue, id, { from: next, to, limit });
    const chunks = await readChunks(queue, id, page);
    for (const [at, entry] of page.entries()) {
      const bytes = chunks[at];
      if (bytes !== undefined && entry.number <= last) await filterChunk(queue, id, { entry, bytes, keep });
    }
    const end = page.at(-1)?.first;
    if (end === undefined || page.length < limit) return;
    // A page of one time only, which the next one would begin with again.
    limit = end === next ? limit * 2 : CHUNKS_PER_STEP;
    next = end;
  }
}

function keepOthers({ keys, startTs, endTs }: { keys: readonly string[]; startTs: number; endTs: number }): Keep {
  const gone = new Set(keys);
  return (sample) => {
    if (sample.ts < startTs || sample.ts >= endTs) return sample;
    const entries = Object.entries(storedObject(sample.text));
    const left = entries.filter(([key]) => !gone.has(key));
    if (left.length === entries.length) return sample;
    if (left.length === 0) return undefined;
    return { ts: sample.ts, text: stringifyJson(Object.fromEntries(left) as JsonObject) };
  };
}

/** Makes the newest point that is left of each key its latest value, unless one has come meanwhile. */
async function rewriteLatest(queue: Queue, id: string, keys: readonly string[]): Promise<void> {
  const everything = { startTs: -(2 ** 53), endTs: 2 ** 53, limit: 1, order: 'DESC' } as const;
  const left = await readRange(queue, { entityId: id, keys, ...everything });
  const words = [...left].flatMap(([key, [point]]) =>
    point === undefined ? [] : [latestField(key), latestText(point.ts, point.value)],
  );
  if (words.length > 0) await queue.timed(RESTORE, [latestKey(id)], words);
}
