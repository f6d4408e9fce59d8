import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { corrupt } from '../stored-json.ts';

/** One sample: its time and the exact JSON text of its values. */
export interface Sample {
  readonly ts: number;
  readonly text: string;
}

/** Samples of neighbouring times, as they are stored together. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** A member of the index of chunks, with its score. */
export interface ChunkEntry {
  readonly member: string;
  readonly number: number;
  readonly first: number;
  readonly last: number;
}

/** Samples further apart stand in different chunks, ms: one old sample must not make a chunk span years. */
const MAX_GAP_MS = 2 ** 31;
const MAX_CHUNK_LENGTH = 256 * 1024;
/** Neither stands in JSON. */
const AFTER_TIME = '\u0001';
const AFTER_SAMPLE = '\0';

export const sampleText = (ts: number, text: string): string => `${ts} ${text}`;

export function sampleOf(line: string): Sample {
  const space = line.indexOf(' ');
  const ts = Number(line.slice(0, space));
  if (space < 1 || !Number.isFinite(ts)) throw corrupt('a sample has no time');
  return { ts, text: line.slice(space + 1) };
}

export const memberOf = (number: number, { last, count }: Pick<Chunk, 'last' | 'count'>): string =>
  `${number}:${last}:${count}`;

export function entryOf(member: string, score: string): ChunkEntry {
  const [number, last] = member.split(':').map(Number);
  if (number === undefined || last === undefined) throw corrupt('a chunk has no times');
  return { member, number, first: Number(score), last };
}

/** Samples in the order they were written, brought into chunks in order of time; equal times keep their order. */
export function toChunks(written: readonly Sample[]): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let run: Sample[] = [];
  let length = 0;
  const close = (): void => {
    if (run.length > 0) chunks.push(packChunk(run));
    run = [];
    length = 0;
  };
  for (const sample of [...written].sort((a, b) => a.ts - b.ts)) {
    const before = run.at(-1);
    // What was sent twice.
    if (before !== undefined && before.ts === sample.ts && before.text === sample.text) continue;
    // Equal times stay together: among chunks of one sealing there is no later one.
    const apart = before !== undefined && before.ts !== sample.ts;
    if (apart && (sample.ts - before.ts > MAX_GAP_MS || length + sample.text.length > MAX_CHUNK_LENGTH)) close();
    run.push(sample);
    length += sample.text.length;
  }
  close();
  return chunks;
}

/** @param samples in order of time, not empty. */
export function packChunk(samples: readonly Sample[]): Chunk {
  const first = samples[0]?.ts ?? 0;
  let before = 0;
  let lines = '';
  for (const { ts, text } of samples) {
    // Equal distances are equal texts, which deflate makes small.
    lines += `${ts - before}${AFTER_TIME}${text}${AFTER_SAMPLE}`;
    before = ts;
  }
  return { bytes: deflateRawSync(lines, { level: 6, memLevel: 7 }), first, last: before, count: samples.length };
}

export function unpackChunk(bytes: Buffer): readonly Sample[] {
  let lines: string;
  try {
    lines = inflateRawSync(bytes).toString('utf8');
  } catch {
    throw corrupt('a chunk of samples cannot be unpacked');
  }
  const samples: Sample[] = [];
  let ts = 0;
  for (let at = 0; at < lines.length; ) {
    const text = lines.indexOf(AFTER_TIME, at);
    const end = lines.indexOf(AFTER_SAMPLE, text);
    if (text < 0 || end < 0) throw corrupt('a sample is cut off');
    ts += Number(lines.slice(at, text));
    samples.push({ ts, text: lines.slice(text + 1, end) });
    at = end + 1;
  }
  return samples;
}
