import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  write,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Table } from './environment.ts';
import { textKey } from './keys.ts';
import { corruptFile } from './problems.ts';

/** Bytes in front of a record's items: id of the journal, sequence (double), length of all, CRC-32; big-endian. */
export const HEADER_BYTES = 32;
const ID_BYTES = 16;
const LENGTH_AT = ID_BYTES + 8;
const CRC_AT = LENGTH_AT + 4;
/** Records begin at multiples of it: a write that is cut short harms no record before it. */
const BLOCK_BYTES = 4096;
const FILE_BYTES = 2 * 1024 * 1024;
const ZEROS = Buffer.alloc(64 * 1024);

/** How far the store holds what the journal holds; kept in the store, in the transaction that brings it there. */
export interface JournalMark {
  /** Random, new at every start: nothing of an older journal, or out of a device's message, passes for a record. */
  readonly id: Buffer;
  readonly sequence: number;
}

const MARK = textKey('journal');

export function readMark(meta: Table): JournalMark | undefined {
  const found = meta.get(MARK);
  if (found?.length !== ID_BYTES + 8) return undefined;
  return { id: Buffer.from(found.subarray(0, ID_BYTES)), sequence: found.readDoubleBE(ID_BYTES) };
}

/** Inside a transaction. */
export function writeMark(meta: Table, { id, sequence }: JournalMark): void {
  const value = Buffer.alloc(ID_BYTES + 8);
  id.copy(value);
  value.writeDoubleBE(sequence, ID_BYTES);
  meta.put(MARK, value);
}

const CLOSED = textKey('journal-closed');

/** Notes that the journal of this id has been left in order: a start needs nothing of it. Inside a transaction. */
export function noteClosed(meta: Table, id: Buffer): void {
  meta.put(CLOSED, id);
}

export function wasClosed(meta: Table, id: Buffer): boolean {
  return meta.get(CLOSED)?.equals(id) === true;
}

/** A ring of records that are durable but not yet in the store. One write at a time. */
export interface Journal {
  readonly id: Buffer;
  /**
   * Resolves when the record is durable: with `sync` on the disk, without it beyond the death of this process. undefined: it has
   * no room before earlier ones are released.
   * @param frame its first `HEADER_BYTES` are filled in here; left alone until the write has ended.
   */
  append(frame: Buffer, sequence: number): Promise<void> | undefined;
  /** The store holds the records up to this one: their room is free. */
  release(sequence: number): void;
  /** Records that are not released take more than half of the room. */
  isHalfFull(): boolean;
  close(): void;
}

/** Opens the file, made when it is missing (0600), for records of a new id from its beginning on. */
export function openJournal(file: string, { id, sync }: { readonly id: Buffer; readonly sync: boolean }): Journal {
  if (allocate(file) && sync) syncDirectory(dirname(file));
  const fd = openSync(file, constants.O_RDWR | (sync ? constants.O_DSYNC : 0));
  const live: { readonly sequence: number; readonly from: number }[] = [];
  let next = 0;

  /** Where so many bytes fit behind the last record, or at the beginning again. */
  function place(bytes: number): number | undefined {
    const oldest = live[0]?.from;
    if (oldest === undefined) return bytes <= FILE_BYTES ? 0 : undefined;
    if (next <= oldest) return next + bytes <= oldest ? next : undefined;
    if (next + bytes <= FILE_BYTES) return next;
    return bytes <= oldest ? 0 : undefined;
  }

  return {
    id,
    append(frame, sequence) {
      const bytes = Math.ceil(frame.length / BLOCK_BYTES) * BLOCK_BYTES;
      const from = place(bytes);
      if (from === undefined) return undefined;
      next = from + bytes;
      live.push({ sequence, from });
      id.copy(frame);
      frame.writeDoubleBE(sequence, ID_BYTES);
      frame.writeUInt32BE(frame.length, LENGTH_AT);
      frame.writeUInt32BE(checksum(frame), CRC_AT);
      return writeAll(fd, frame, from);
    },
    release(sequence) {
      let done = 0;
      while ((live[done]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence) done++;
      live.splice(0, done);
    },
    isHalfFull() {
      const oldest = live[0]?.from;
      if (oldest === undefined) return false;
      const taken = next > oldest ? next - oldest : FILE_BYTES - oldest + next;
      return taken > FILE_BYTES / 2;
    },
    close: () => closeSync(fd),
  };
}

/** What stands in a record behind its header. */
export interface JournalRecord {
  readonly sequence: number;
  readonly items: Buffer;
}

export interface JournalContents {
  /** Behind the mark, in the order of their writing. */
  readonly records: readonly JournalRecord[];
  /**
   * Ones that cannot be read although a later one was written; the last one may have been cut off, and nobody has been told that
   * it was durable.
   */
  readonly damaged: number;
  /** The file has the length that it is given before the first record. */
  readonly whole: boolean;
}

/** Throws STORE_CORRUPT when the file cannot be read. */
export function readJournal(file: string, mark: JournalMark): JournalContents {
  const bytes = contentsOf(file);
  const records: JournalRecord[] = [];
  const broken: number[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; at += BLOCK_BYTES) {
    if (mark.id.compare(bytes, at, at + ID_BYTES) !== 0) continue;
    const sequence = bytes.readDoubleBE(at + ID_BYTES);
    if (!(sequence > mark.sequence)) continue;
    const frame = bytes.subarray(at, at + bytes.readUInt32BE(at + LENGTH_AT));
    const whole = frame.length >= HEADER_BYTES && frame.length === bytes.readUInt32BE(at + LENGTH_AT);
    if (whole && bytes.readUInt32BE(at + CRC_AT) === checksum(frame)) {
      records.push({ sequence, items: frame.subarray(HEADER_BYTES) });
    } else broken.push(sequence);
  }
  records.sort((a, b) => a.sequence - b.sequence);
  const last = records.at(-1)?.sequence ?? 0;
  const damaged = broken.filter((sequence) => sequence < last).length;
  return { records, damaged, whole: bytes.length === FILE_BYTES };
}

const checksum = (frame: Buffer): number => crc32(frame.subarray(HEADER_BYTES), crc32(frame.subarray(0, CRC_AT)));

/** Without what may stand behind the ring. */
function contentsOf(file: string): Buffer {
  try {
    const fd = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, FILE_BYTES));
      let read = 0;
      // One read may give less than is there.
      for (let got = -1; got !== 0 && read < bytes.length; read += got)
        got = readSync(fd, bytes, read, bytes.length - read, read);
      return bytes.subarray(0, read);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return Buffer.alloc(0);
    throw corruptFile(file, `it cannot be read (${code})`);
  }
}

/** Makes the file of a store that was copied without one: nothing was under way in the copy. */
export function createJournalFile(file: string): void {
  allocate(file);
}

/** Gives the file its blocks: to write over one costs the disk less than to write behind the end. false: it had them. */
function allocate(file: string): boolean {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const { size } = fstatSync(fd);
  try {
    for (let at = size; at < FILE_BYTES; ) at += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, FILE_BYTES - at), at);
    return size < FILE_BYTES;
  } catch (error) {
    // The last of the room is for data.
    ftruncateSync(fd, size);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (from: number): void => {
      write(fd, bytes, from, bytes.length - from, position + from, (error, written) => {
        if (error !== null) reject(error);
        else if (from + written === bytes.length) resolve();
        else go(from + written);
      });
    };
    go(0);
  });
}
