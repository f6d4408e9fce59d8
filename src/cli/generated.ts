import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Flag } from './command.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { printJson } from './table.ts';

/** A file whose text follows from the code. */
export interface GeneratedFile {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
}

export const generateFlags = {
  out: { type: 'string', value: '<folder>', summary: 'where to write (the working directory)' },
  check: { type: 'boolean', summary: 'write nothing; exit 1 when a file is not as it would be written' },
} as const satisfies Readonly<Record<string, Flag>>;

/** Writes the files that differ, or only tells which do; gives the exit code. */
export function generate(
  io: Io,
  folder: string,
  files: readonly GeneratedFile[],
  { check, json }: { readonly check: boolean; readonly json: boolean },
): number {
  const changed: string[] = [];
  for (const { path, text } of files) {
    const full = join(folder, path);
    if (readOrEmpty(full) === text) continue;
    changed.push(relative(io.cwd, full));
    if (check) continue;
    try {
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, text);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new CommandFailure(EXIT.usage, `${full} cannot be written (${code}): name another folder with --out.`);
    }
  }
  if (json) printJson(io, { files: files.map(({ path }) => path), [check ? 'stale' : 'written']: changed });
  else for (const path of changed) io.stdout.write(`${check ? 'stale' : 'written'}: ${path}\n`);
  return check && changed.length > 0 ? EXIT.findings : EXIT.fine;
}

function readOrEmpty(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
