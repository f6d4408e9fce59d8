import { BrokerError } from '../../errors.ts';
import type { JsonObject } from '../../model/json.ts';
import type { TimedValue } from '../../model/telemetry.ts';
import type { RangeQuery } from '../telemetry-store.ts';
import type { Snapshot, Table } from './environment.ts';
import { samplesStart } from './head.ts';
import { ID_BYTES, SEQUENCE_BYTES } from './keys.ts';
import { type PackedSample, packedSamples, sampleValues } from './samples.ts';

const HOUR_MS = 3_600_000;
const BUCKET_BYTES = 5;
/** Makes the bucket of any integer time that a double holds (±2.5e9 hours) a positive number. */
const BUCKET_OFFSET = 2 ** 39;
export const HISTORY_KEY_BYTES: number = ID_BYTES + BUCKET_BYTES + SEQUENCE_BYTES;
/** After so many samples a query lets other work of the process run. */
const SAMPLES_PER_TURN = 2000;

export const bucketOf = (ts: number): number => Math.floor(ts / HOUR_MS);

/** Key of a history record: device, hour, sequence of the write. */
export function writeHistoryKey(key: Buffer, bucket: number, sequence: number): void {
  key.writeUIntBE(bucket + BUCKET_OFFSET, ID_BYTES, BUCKET_BYTES);
  key.writeUIntBE(sequence, ID_BYTES + BUCKET_BYTES, SEQUENCE_BYTES);
}

export const bucketInKey = (key: Buffer): number => key.readUIntBE(ID_BYTES, BUCKET_BYTES) - BUCKET_OFFSET;

/** The first possible key of a device in a bucket. */
export function bucketKey(id: Buffer, bucket: number): Buffer {
  const key = Buffer.alloc(ID_BYTES + BUCKET_BYTES);
  id.copy(key);
  key.writeUIntBE(bucket + BUCKET_OFFSET, ID_BYTES, BUCKET_BYTES);
  return key;
}

interface Stored {
  readonly record: Buffer;
  readonly sample: PackedSample;
}

/** All samples of one hour, in the order they were written. */
type Hour = Stored[];

/** Points of the asked keys; see the port. */
export async function readRange(
  history: Table,
  source: { readonly id: Buffer; readonly head: Buffer; readonly snapshot: Snapshot },
  query: RangeQuery,
): Promise<ReadonlyMap<string, readonly TimedValue[]>> {
  const points = new Map<string, TimedValue[]>(query.keys.map((key) => [key, []]));
  let read = 0;
  for (const hour of hours(history, source, query)) {
    const samples = hour.filter(({ sample }) => sample.ts >= query.startTs && sample.ts < query.endTs);
    // A stable sort keeps the order of writing among equal times; the last written one is met first.
    samples.sort((a, b) => (query.order === 'ASC' ? a.sample.ts - b.sample.ts : b.sample.ts - a.sample.ts));
    for (const run of sameTime(samples)) {
      const unfilled = [...points].filter(([, list]) => list.length < query.limit);
      if (unfilled.length === 0) return found(points);
      const values = run.map(({ record, sample }) => sampleValues(record, sample)).reverse();
      for (const [key, list] of unfilled) addPoint(list, run[0]?.sample.ts ?? 0, key, values);
      read += run.length;
      if (read >= SAMPLES_PER_TURN) {
        read = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
  return found(points);
}

function addPoint(list: TimedValue[], ts: number, key: string, newestFirst: readonly JsonObject[]): void {
  for (const values of newestFirst) {
    if (!Object.hasOwn(values, key)) continue;
    list.push({ ts, value: values[key] ?? null });
    return;
  }
}

const found = (points: Map<string, TimedValue[]>): Map<string, TimedValue[]> =>
  new Map([...points].filter(([, list]) => list.length > 0));

function* sameTime(samples: readonly Stored[]): Generator<Stored[]> {
  let run: Stored[] = [];
  for (const stored of samples) {
    if (run.length > 0 && run[0]?.sample.ts !== stored.sample.ts) {
      yield run;
      run = [];
    }
    run.push(stored);
  }
  if (run.length > 0) yield run;
}

/** The hours of the range that hold samples, in the asked order; the head's samples are newer than any record's. */
export function* hours(
  history: Table,
  source: { readonly id: Buffer; readonly head: Buffer; readonly snapshot: Snapshot },
  query: RangeQuery,
): Generator<Hour> {
  const { id, head, snapshot } = source;
  const ascending = query.order === 'ASC';
  const last = bucketOf(query.endTs - 1);
  const fresh = new Map<number, Stored[]>();
  for (const sample of packedSamples(head, samplesStart(head))) {
    if (sample.ts < query.startTs || sample.ts >= query.endTs) continue;
    const bucket = bucketOf(sample.ts);
    fresh.set(bucket, [...(fresh.get(bucket) ?? []), { record: head, sample }]);
  }
  const freshBuckets = [...fresh.keys()].sort((a, b) => (ascending ? a - b : b - a));
  const before = (a: number, b: number): boolean => (ascending ? a < b : a > b);
  function* freshBefore(bucket: number): Generator<Hour> {
    while (freshBuckets[0] !== undefined && before(freshBuckets[0], bucket)) {
      const next = freshBuckets.shift() ?? 0;
      yield fresh.get(next) ?? [];
    }
  }
  function* finished(bucket: number, records: Buffer[]): Generator<Hour> {
    yield* freshBefore(bucket);
    if (!ascending) records.reverse();
    const samples = records.flatMap((record) => [...packedSamples(record)].map((sample) => ({ record, sample })));
    if (freshBuckets[0] === bucket) samples.push(...(fresh.get(freshBuckets.shift() ?? 0) ?? []));
    yield samples;
  }
  const span = { from: bucketKey(id, bucketOf(query.startTs)), to: bucketKey(id, last + 1), snapshot };
  let bucket: number | undefined;
  let records: Buffer[] = [];
  for (const { key, value } of history.entries({ ...span, reverse: !ascending })) {
    const next = bucketInKey(key);
    if (bucket !== undefined && next !== bucket) {
      yield* finished(bucket, records);
      records = [];
    }
    bucket = next;
    records.push(value);
  }
  if (bucket !== undefined) yield* finished(bucket, records);
  yield* freshBefore(ascending ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
}

/** The nearest bound of a range that compares the same with every time that can be stored. */
export const clampTs = (ts: number): number => Math.min(Math.max(Math.ceil(ts), -(2 ** 53)), 2 ** 53);

/** Refuses times that a key cannot hold. */
export function checkTs(ts: number): void {
  if (Number.isInteger(ts) && Math.abs(ts) <= 2 ** 53) return;
  throw new BrokerError('BAD_REQUEST', { detail: 'A time is not an integer number of milliseconds.' });
}
