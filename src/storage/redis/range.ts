import type { JsonValue } from '../../model/json.ts';
import type { TimedValue } from '../../model/telemetry.ts';
import { storedObject } from '../stored-json.ts';
import type { RangeQuery } from '../telemetry-store.ts';
import { readChunks, readIndex, readSpan } from './chunks.ts';
import { openKey } from './keys.ts';
import type { Queue } from './queue.ts';
import { type ChunkEntry, type Sample, sampleOf, unpackChunk } from './samples.ts';

/** Entries of the index, and chunks, that are read at once. */
const ENTRIES_PER_PAGE = 128;
const CHUNKS_AT_ONCE = 8;

/** A point and the chunk that it came from: of one time and key, the later chunk has the later write. */
interface Point {
  readonly chunk: number;
  readonly value: JsonValue;
}
type Points = Map<string, Map<number, Point>>;

/** The nearest bound of a range that compares the same with every time that can be stored. */
export const clampTs = (ts: number): number => Math.min(Math.max(Math.ceil(ts), -(2 ** 53)), 2 ** 53);

/** Points of the asked keys; see the port. */
export async function readRange(queue: Queue, query: RangeQuery): Promise<ReadonlyMap<string, readonly TimedValue[]>> {
  const [startTs, endTs] = [clampTs(query.startTs), clampTs(query.endTs)];
  const { entityId: id, order, limit } = query;
  if (query.keys.length === 0 || limit < 1 || !(startTs < endTs)) return new Map();
  const points: Points = new Map(query.keys.map((key) => [key, new Map()]));
  // The open samples first: what is moved into a chunk meanwhile is met twice, never missed.
  const lines = (await queue.send('lrange', [openKey(id), 0, -1])) as readonly string[];
  const within = ({ ts }: Sample): boolean => ts >= startTs && ts < endTs;
  addSamples(points, Number.POSITIVE_INFINITY, lines.map(sampleOf).filter(within));
  const span = await readSpan(queue, id);
  const unbounded = order === 'ASC' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  for await (const { entries, edge } of pages(queue, { ...query, startTs, endTs, span })) {
    for (let at = 0; at < entries.length; at += CHUNKS_AT_ONCE) {
      const bound = farthest(points, query) ?? unbounded;
      const may = ({ first, last }: ChunkEntry): boolean => (order === 'ASC' ? first <= bound : last >= bound);
      await addChunks(points, queue, id, { entries: entries.slice(at, at + CHUNKS_AT_ONCE).filter(may), within });
    }
    // Chunks that have not been read begin at the edge or behind it.
    const bound = farthest(points, query);
    if (bound !== undefined && (order === 'ASC' ? edge > bound : edge + span < bound)) break;
  }
  return inOrder(points, query);
}

async function addChunks(
  points: Points,
  queue: Queue,
  id: string,
  { entries, within }: { readonly entries: readonly ChunkEntry[]; readonly within: (sample: Sample) => boolean },
): Promise<void> {
  const chunks = await readChunks(queue, id, entries);
  for (const [at, { number }] of entries.entries()) {
    const bytes = chunks[at];
    if (bytes !== undefined) addSamples(points, number, unpackChunk(bytes).filter(within));
  }
}

/** The time behind which no point is wanted any more; undefined while a key has too few. */
function farthest(points: Points, { order, limit }: RangeQuery): number | undefined {
  let bound: number | undefined;
  for (const list of points.values()) {
    if (list.size < limit) return undefined;
    const last = inTime(list.keys(), order)[limit - 1] ?? 0;
    if (bound === undefined || (order === 'ASC' ? last > bound : last < bound)) bound = last;
  }
  return bound;
}

const inTime = (times: Iterable<number>, order: 'ASC' | 'DESC'): readonly number[] =>
  [...times].sort((a, b) => (order === 'ASC' ? a - b : b - a));

/** Chunks that may have points of the range, nearest first; `edge`: where the last one of the page begins. */
async function* pages(
  queue: Queue,
  { entityId, startTs, endTs, order, span }: RangeQuery & { readonly span: number },
): AsyncGenerator<{ readonly entries: readonly ChunkEntry[]; readonly edge: number }> {
  let from = startTs - span;
  let to: string | number = `(${endTs}`;
  let limit = ENTRIES_PER_PAGE;
  let seen = new Set<string>();
  for (;;) {
    const page = await readIndex(queue, entityId, { from, to, limit }, order);
    const last = page.at(-1);
    if (last === undefined) return;
    // The next page begins with the time at which this one ended: more chunks may begin there.
    const fresh = page.filter(({ member }) => !seen.has(member));
    yield { entries: fresh.filter(({ last: end }) => end >= startTs), edge: last.first };
    if (page.length < limit) return;
    limit = fresh.length === 0 ? limit * 2 : ENTRIES_PER_PAGE;
    seen = new Set(page.map(({ member }) => member));
    if (order === 'ASC') from = last.first;
    else to = last.first;
  }
}

function addSamples(points: Points, chunk: number, samples: readonly Sample[]): void {
  for (const { ts, text } of samples) {
    const values = storedObject(text);
    for (const [key, list] of points) {
      if (!Object.hasOwn(values, key)) continue;
      const standing = list.get(ts);
      if (standing === undefined || standing.chunk <= chunk) list.set(ts, { chunk, value: values[key] ?? null });
    }
  }
}

function inOrder(points: Points, { order, limit }: RangeQuery): ReadonlyMap<string, readonly TimedValue[]> {
  const found = new Map<string, readonly TimedValue[]>();
  for (const [key, list] of points) {
    if (list.size === 0) continue;
    const times = inTime(list.keys(), order).slice(0, limit);
    found.set(
      key,
      times.map((ts) => ({ ts, value: list.get(ts)?.value ?? null })),
    );
  }
  return found;
}
