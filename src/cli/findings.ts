import { isAbsolute, relative, resolve } from 'node:path';
import { formatIssue, type Issue } from '../schema/issue.ts';
import { EXIT, type Io } from './io.ts';
import { printJson } from './table.ts';

/** Paths from the command line, or the default one, seen from the working directory of the command. */
export function resolveAll(io: Io, paths: readonly string[], fallback: string): string[] {
  return (paths.length === 0 ? [fallback] : paths).map((path) => resolve(io.cwd, path));
}

/** Prints findings of a lint and a closing line; gives the exit code. */
export function printIssues(
  io: Io,
  issues: readonly Issue[],
  { json, strict, what }: { readonly json: boolean; readonly strict: boolean; readonly what?: string },
): number {
  const shown = issues.map((issue) => ({ ...issue, file: shortPath(io, issue.file) }));
  const errors = shown.filter((issue) => issue.level === 'error').length;
  const warnings = shown.length - errors;
  const ok = errors === 0 && !(strict && warnings > 0);
  if (json) printJson(io, { ok, issues: shown });
  else {
    for (const issue of shown) io.stdout.write(`${formatIssue(issue)}\n`);
    if (what)
      io.stdout.write(
        shown.length === 0 ? `${what}: fine\n` : `${what}: ${count(errors, 'error')}, ${count(warnings, 'warning')}\n`,
      );
  }
  return ok ? EXIT.fine : EXIT.findings;
}

function shortPath(io: Io, file: string): string {
  if (!isAbsolute(file)) return file;
  const path = relative(io.cwd, file);
  if (path === '') return '.';
  return path.startsWith('..') ? file : path;
}

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
