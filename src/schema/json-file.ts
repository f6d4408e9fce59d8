import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type JsonValue, parseJson } from '../model/json.ts';
import { DUPLICATE_HINT, duplicateKeys, duplicateProblem } from './duplicate-keys.ts';
import type { Issue } from './issue.ts';

export type JsonFile =
  /** `exact`: the same with the digits of every number. */
  | { readonly ok: true; readonly value: unknown; readonly exact: JsonValue; readonly text: string }
  | { readonly ok: false; readonly issue: Issue; readonly missing: boolean };

export interface JsonFileLimits {
  /** Default 4 MiB. */
  readonly maxBytes?: number;
  /** Default 64. */
  readonly maxDepth?: number;
  /** Refuses a key that stands twice in its object; else the last one counts. */
  readonly uniqueKeys?: boolean;
}

/**
 * Reads a JSON file that users edit. Whatever is wrong with it (unreadable, a folder, a pipe, empty, too big, binary,
 * truncated, nested too deep) becomes one issue that names line and column; nothing is thrown.
 */
export async function readJsonFile(path: string, limits: JsonFileLimits = {}): Promise<JsonFile> {
  const { maxBytes = 4 * 1024 * 1024, maxDepth = 64, uniqueKeys = false } = limits;
  const fail = (rule: string, problem: string, more: Partial<Issue> = {}, missing = false): JsonFile => ({
    ok: false,
    missing,
    issue: { file: path, at: '', rule, level: 'error', problem, ...more },
  });
  let bytes: Buffer;
  try {
    // Not blocking: opening a named pipe would otherwise wait for a writer.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const facts = await handle.stat();
      if (!facts.isFile()) return fail('not-a-file', 'is not a regular file');
      if (facts.size > maxBytes) return fail('too-large', `is larger than ${maxBytes} bytes (${facts.size})`);
      bytes = await readAtMost(handle, maxBytes + 1);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return fail('unreadable', `cannot be read: ${REASONS[code] ?? code}`, {}, code === 'ENOENT');
  }
  if (bytes.length > maxBytes) return fail('too-large', `is larger than ${maxBytes} bytes`);
  if (bytes.indexOf(BYTE_ORDER_MARK) === 0) bytes = bytes.subarray(BYTE_ORDER_MARK.length);
  if (bytes.toString('latin1').trim() === '') return fail('empty-file', 'is empty');
  if (bytes.includes(0)) return fail('not-text', 'holds NUL bytes: not a text file', AS_UTF8);
  const text = bytes.toString('utf8');
  const parsed = parseJson(bytes, { maxDepth });
  if (!parsed.ok) {
    const { problem, at } = parsed.error;
    const before = bytes.subarray(0, at).toString('utf8').split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    const hint = isUtf8(bytes) ? {} : AS_UTF8;
    return fail('invalid-json', `is not JSON: ${problem} at line ${before.length}, column ${column}`, hint);
  }
  const [twice] = uniqueKeys ? duplicateKeys(text) : [];
  if (twice) return fail('duplicate-key', duplicateProblem(twice), { at: twice.at, hint: DUPLICATE_HINT });
  // parseJson judged the text; plain numbers are what schemas and settings want.
  return { ok: true, value: JSON.parse(text), exact: parsed.value, text };
}

/** As editors write it before UTF-8. */
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
/** UTF-16 has NUL bytes. */
const AS_UTF8 = { hint: 'save it as UTF-8' };

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ELOOP: 'its links run in a circle',
  EMFILE: 'too many open files',
  ENOTDIR: 'a part of its path is not a folder',
};

/** A file can grow between stat and read. */
async function readAtMost(
  handle: { read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> },
  limit: number,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let total = 0;
  while (total < limit) {
    const piece = Buffer.allocUnsafe(Math.min(65_536, limit - total));
    const { bytesRead } = await handle.read(piece, 0, piece.length, total);
    if (bytesRead === 0) break;
    pieces.push(piece.subarray(0, bytesRead));
    total += bytesRead;
  }
  return Buffer.concat(pieces);
}
