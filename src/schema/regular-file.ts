import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

export type RegularFile =
  | { readonly ok: true; readonly bytes: Buffer }
  /** `problem` follows the file's name: `is not a regular file`. */
  | { readonly ok: false; readonly problem: string; readonly missing: boolean };

/**
 * The bytes of a regular file. Never waits and never reads without end: a pipe, a device, a folder or a file that is too
 * large is a problem in words, and so is one that cannot be opened.
 */
export function readRegularFile(path: string, maxBytes: number): RegularFile {
  const fail = (problem: string, missing = false): RegularFile => ({ ok: false, problem, missing });
  let fd: number | undefined;
  try {
    // Not blocking: opening a named pipe would otherwise wait for a writer.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const facts = fstatSync(fd);
    if (!facts.isFile()) return fail('is not a regular file');
    if (facts.size > maxBytes) return fail(`is larger than ${maxBytes} bytes`);
    const bytes = readAtMost(fd, maxBytes);
    return bytes ? { ok: true, bytes } : fail(`is larger than ${maxBytes} bytes`);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return fail(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, code === 'ENOENT');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Everything that a descriptor gives, also of a pipe; undefined when that is more than `maxBytes`. */
export function readAtMost(fd: number, maxBytes: number): Buffer | undefined {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(65_536);
    const count = readSync(fd, piece, 0, piece.length, null);
    if (count === 0) return Buffer.concat(pieces);
    total += count;
    if (total > maxBytes) return undefined;
    pieces.push(piece.subarray(0, count));
  }
}
