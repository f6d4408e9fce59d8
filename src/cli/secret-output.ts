import type { Io } from './io.ts';
import { type Cell, printFacts, printJson } from './table.ts';

/** Prints something that holds a secret, which is never shown again. @param what of the secret: `The key is`. */
export function printOnce(
  io: Io,
  made: object,
  {
    json,
    facts,
    what,
    kept = 'only as a hash',
  }: { json: boolean; facts: readonly (readonly [string, Cell])[]; what: string; kept?: string },
): void {
  if (json) {
    printJson(io, made);
    return;
  }
  printFacts(io, facts);
  io.stderr.write(`${what} shown this once and kept ${kept}: write it down now.\n`);
}
