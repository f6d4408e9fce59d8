import { open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CommandFailure, EXIT, type Io } from './io.ts';

/** Where a command writes what it fetched. */
export interface Sink {
  write(text: string): Promise<void>;
  close(): Promise<void>;
  /** Closes, and takes away the file that was made. */
  discard(): Promise<void>;
}

/** A new file, or standard output for `-`. */
export async function openSink(io: Io, file: string): Promise<Sink> {
  if (file === '-') {
    return { write: async (text) => void io.stdout.write(text), close: async () => {}, discard: async () => {} };
  }
  const path = resolve(io.cwd, file);
  try {
    // Never over a file that is there, and only for its owner to read.
    const handle = await open(path, 'wx', 0o600);
    return {
      // A full disk, above all.
      write: (text) =>
        handle.appendFile(text).catch((error: NodeJS.ErrnoException) => {
          throw new CommandFailure(EXIT.findings, `${file} cannot be written (${error.code}).`);
        }),
      close: () => handle.close(),
      async discard() {
        await handle.close();
        await rm(path, { force: true });
      },
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'is there already: name another file' : `cannot be written (${code})`;
    throw new CommandFailure(EXIT.usage, `${file} ${why}.`);
  }
}
