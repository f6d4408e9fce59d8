import { BrokerError } from '../../errors.ts';
import type { Word } from './connection.ts';
import { aliveKey, chunkIndexKey, chunksKey, openKey } from './keys.ts';
import type { Queue } from './queue.ts';
import {
  type ChunkEntry,
  entryOf,
  memberOf,
  packChunk,
  type Sample,
  sampleOf,
  toChunks,
  unpackChunk,
} from './samples.ts';
import { loadTimed } from './scripts.ts';

/** Open samples of an entity from which on they are moved into chunks. */
export const OPEN_SAMPLES = 64;
const SEAL = loadTimed('seal');
const REPLACE = loadTimed('replace-chunk');
const DROP = loadTimed('drop-chunks');
/** Times that a step begins anew because another broker changes the same samples. */
const MAX_TRIES = 20;

/** What stays of a sample; undefined: nothing. The same object: all of it. */
export type Keep = (sample: Sample) => Sample | undefined;
const ALL: Keep = (sample) => sample;

export interface Sealed {
  /** Samples that have gone. */
  readonly removed: number;
  /** Number of the last chunk that there is now. */
  readonly last: number;
}

/** Moves the open samples into chunks; undefined when others did so, or the entity is gone. */
export async function sealOnce(queue: Queue, id: string, keep: Keep = ALL): Promise<Sealed | undefined> {
  // First the number: as long as it stands, the samples that are read after it have not been moved.
  const last = ((await queue.send('hget', [chunksKey(id), '#'])) as string | null) ?? '0';
  const lines = (await queue.send('lrange', [openKey(id), 0, -1])) as readonly string[];
  if (lines.length === 0) return { removed: 0, last: Number(last) };
  const samples = lines.map(sampleOf);
  const kept = samples.flatMap((sample) => keep(sample) ?? []);
  const chunks = toChunks(kept);
  const span = Math.max(0, ...chunks.map((chunk) => chunk.last - chunk.first));
  const words = chunks.flatMap(({ bytes, first, last, count }): Word[] => [bytes, first, last, count]);
  const keys = [aliveKey(id), openKey(id), chunksKey(id), chunkIndexKey(id)];
  const answer = await queue.timed(SEAL, keys, [last, lines.length, span, ...words]);
  if (answer !== 'done') return undefined;
  return { removed: lines.length - kept.length, last: Number(last) + Math.max(1, chunks.length) };
}

/** As `sealOnce`, until it is done. */
export async function seal(queue: Queue, id: string, keep?: Keep): Promise<Sealed> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const sealed = await sealOnce(queue, id, keep);
    if (sealed !== undefined) return sealed;
    if ((await queue.send('exists', [aliveKey(id)])) === 0) return { removed: 0, last: 0 };
  }
  throw new BrokerError('STORE_UNAVAILABLE', { reason: 'too many writers move the same samples' });
}

/** Chunks that begin in a span of time, in its order. Bounds as ZRANGEBYSCORE has them, nearest first. */
export async function readIndex(
  queue: Queue,
  id: string,
  { from, to, limit }: { readonly from: string | number; readonly to: string | number; readonly limit: number },
  order: 'ASC' | 'DESC' = 'ASC',
): Promise<readonly ChunkEntry[]> {
  const command = order === 'ASC' ? 'zrangebyscore' : 'zrevrangebyscore';
  const bounds = order === 'ASC' ? [from, to] : [to, from];
  const words = [chunkIndexKey(id), ...bounds, 'WITHSCORES', 'LIMIT', 0, limit];
  const flat = (await queue.send(command, words)) as readonly string[];
  const entries: ChunkEntry[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) entries.push(entryOf(flat[at] ?? '', flat[at + 1] ?? ''));
  return entries;
}

/** Their packed samples; undefined: gone meanwhile. */
export async function readChunks(
  queue: Queue,
  id: string,
  entries: readonly ChunkEntry[],
): Promise<readonly (Buffer | undefined)[]> {
  if (entries.length === 0) return [];
  const words = [chunksKey(id), ...entries.map(({ number }) => number)];
  const found = (await queue.sendBuffer('hmget', words)) as readonly (Buffer | null)[];
  return found.map((bytes) => bytes ?? undefined);
}

/** Longest time that a chunk spans, ms. */
export const readSpan = async (queue: Queue, id: string): Promise<number> =>
  Number((await queue.send('hget', [chunksKey(id), 's'])) ?? 0);

/** Writes the chunk again without what is not kept; gives how many samples have gone. */
export async function filterChunk(
  queue: Queue,
  id: string,
  { entry, bytes, keep }: { readonly entry: ChunkEntry; readonly bytes: Buffer; readonly keep: Keep },
): Promise<number> {
  const samples = unpackChunk(bytes);
  const kept = samples.flatMap((sample) => keep(sample) ?? []);
  if (kept.length === samples.length && kept.every((sample, at) => sample === samples[at])) return 0;
  const words: Word[] = [entry.member, entry.number, bytes];
  if (kept.length > 0) {
    const chunk = packChunk(kept);
    words.push(chunk.bytes, chunk.first, memberOf(entry.number, chunk));
  }
  const done = await queue.timed(REPLACE, [chunksKey(id), chunkIndexKey(id)], words);
  // 0: another broker was first, or this is a repeat of what was done.
  return done === 1 ? samples.length - kept.length : 0;
}

/** Removes whole chunks; gives how many samples they held. */
export async function dropChunks(queue: Queue, id: string, entries: readonly ChunkEntry[]): Promise<number> {
  const words = entries.flatMap(({ member, number }): Word[] => [member, number]);
  return (await queue.timed(DROP, [chunksKey(id), chunkIndexKey(id)], words)) as number;
}
