import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { progressOf } from './progress.ts';

const PIECE_BYTES = 65_536;

/** A package as a file. */
export interface PackageFile extends AsyncDisposable {
  readonly name: string;
  readonly size: number;
  /** From the beginning, as often as it is asked for. */
  pieces(): AsyncGenerator<Buffer>;
}

/** Opens a regular file that is not empty; anything else is a failure with its reason. */
export async function openPackage(io: Io, path: string): Promise<PackageFile> {
  const full = resolve(io.cwd, path);
  let handle: FileHandle;
  try {
    handle = await open(full, 'r');
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  const stat = await handle.stat();
  if (!stat.isFile() || stat.size === 0) {
    await handle.close();
    throw new CommandFailure(EXIT.usage, stat.isFile() ? `${path} is empty.` : `${path} is not a file.`);
  }
  return {
    name: basename(full),
    size: stat.size,
    async *pieces() {
      for (let at = 0; ; ) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** SHA-256, hex: the broker refuses what was changed on its way. */
export async function checksumOf(file: PackageFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of file.pieces()) hash.update(piece);
  return hash.digest('hex');
}

/** The pieces; on a terminal with how far it is. */
export async function* withProgress(io: Io, file: PackageFile): AsyncGenerator<Buffer> {
  const progress = progressOf(io, file.name, file.size);
  let sent = 0;
  for await (const piece of file.pieces()) {
    yield piece;
    sent += piece.length;
    progress.at(sent);
  }
  progress.end(sent);
}
