import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { type JsonLimits, type JsonValue, parseJson, utf8Text } from '../model/json.ts';
import { DUPLICATE_HINT, duplicateKeys, duplicateProblem } from '../schema/duplicate-keys.ts';
import { readAtMost } from '../schema/regular-file.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { cleanText } from './table.ts';

export interface TextFile {
  /** As it was typed. */
  readonly path: string;
  readonly text: string;
}

/** The text of a file or a pipe in UTF-8, without its byte order mark. Throws CommandFailure; `split`: a part would do. */
export function readTextFile(io: Io, path: string, maxBytes: number, { split = true } = {}): TextFile {
  const fail = (problem: string) => new CommandFailure(EXIT.findings, `${path} ${problem}`);
  let bytes: Buffer | undefined;
  try {
    const fd = openSync(resolve(io.cwd, path), 'r');
    try {
      bytes = readAtMost(fd, maxBytes);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fail(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  if (bytes === undefined) throw fail(`is larger than ${maxBytes} bytes: ${split ? 'split it' : 'no more is taken'}`);
  const text = utf8Text(bytes);
  if (text === undefined) {
    const fix = /\.json$/i.test(path) ? '' : ' (in a spreadsheet: "CSV UTF-8")';
    throw fail(`is not UTF-8: save it as UTF-8${fix}`);
  }
  return { path, text: text.startsWith('\uFEFF') ? text.slice(1) : text };
}

/** The JSON of a file, numbers with their digits. Throws CommandFailure with the place of what is wrong. */
export function jsonOf({ path, text }: TextFile, limits: JsonLimits): JsonValue {
  const parsed = parseJson(text, limits);
  if (!parsed.ok) {
    // UTF-16 without a byte order mark.
    if (text.includes('\0')) throw new CommandFailure(EXIT.findings, `${path} holds NUL bytes: save it as UTF-8`);
    const { problem, at } = parsed.error;
    throw new CommandFailure(EXIT.findings, `${path} is not JSON: ${problem} (character ${at})`);
  }
  for (const twice of duplicateKeys(text)) {
    const problem = `${path}: ${twice.at}: ${duplicateProblem(twice)} (${DUPLICATE_HINT})`;
    throw new CommandFailure(EXIT.findings, cleanText(problem));
  }
  return parsed.value;
}
