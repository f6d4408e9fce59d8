import type { JsonObject } from '../../model/json.ts';
import { corrupt, storedObject } from '../stored-json.ts';

/** Bytes before the text of a packed sample: time (double) and length (uint32), both big-endian. */
export const SAMPLE_HEADER = 12;
/** Most bytes of UTF-8 for one unit of a JavaScript string. */
const MAX_UNIT_BYTES = 3;

/** One sample in a packed record: `[ts, length, JSON text]`, one behind the other in the order they were written. */
export interface PackedSample {
  readonly ts: number;
  /** Where the whole sample begins and ends in the record. */
  readonly from: number;
  readonly to: number;
}

export function* packedSamples(record: Buffer, from = 0): Generator<PackedSample> {
  for (let at = from; at < record.length; ) {
    const to = at + SAMPLE_HEADER + record.readUInt32BE(at + 8);
    if (to > record.length) throw corrupt('a sample is cut off');
    yield { ts: record.readDoubleBE(at), from: at, to };
    at = to;
  }
}

export const sampleTextOf = (record: Buffer, sample: PackedSample): string =>
  record.toString('utf8', sample.from + SAMPLE_HEADER, sample.to);

export const sampleValues = (record: Buffer, sample: PackedSample): JsonObject =>
  storedObject(sampleTextOf(record, sample));

/** A byte buffer that is reused for every record: contents count until the next `reset`. */
export interface Packer {
  reset(): void;
  readonly length: number;
  /** Room for a value that is written later with `bytes()`. */
  skip(bytes: number): number;
  copy(source: Buffer, from: number, to: number): void;
  sample(ts: number, text: string): void;
  byte(value: number): void;
  number(ts: number): void;
  /** Length and UTF-8 of the text. */
  text(text: string): void;
  /** The written bytes; `slice(from)` of them without a copy. */
  bytes(): Buffer;
  slice(from: number, to: number): Buffer;
}

export function createPacker(): Packer {
  let buffer = Buffer.allocUnsafeSlow(64 * 1024);
  let at = 0;
  function room(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  }
  function text(value: string): void {
    room(4 + value.length * MAX_UNIT_BYTES);
    const length = buffer.write(value, at + 4);
    buffer.writeUInt32BE(length, at);
    at += 4 + length;
  }
  function number(value: number): void {
    room(8);
    buffer.writeDoubleBE(value, at);
    at += 8;
  }
  return {
    reset() {
      at = 0;
      // One huge message must not keep its memory for ever.
      if (buffer.length > 4 * 1024 * 1024) buffer = Buffer.allocUnsafeSlow(64 * 1024);
    },
    get length() {
      return at;
    },
    skip(bytes) {
      room(bytes);
      const start = at;
      at += bytes;
      return start;
    },
    copy(source, from, to) {
      room(to - from);
      // Not `source.copy`: what a table's `view` gives is longer than its length says.
      buffer.set(new Uint8Array(source.buffer, source.byteOffset + from, to - from), at);
      at += to - from;
    },
    sample(ts, value) {
      number(ts);
      text(value);
    },
    byte(value) {
      room(1);
      buffer[at++] = value;
    },
    number,
    text,
    bytes: () => buffer.subarray(0, at),
    slice: (from, to) => buffer.subarray(from, to),
  };
}
