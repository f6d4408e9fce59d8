import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { Secret } from '../model/secret.ts';
import { readAtMost } from '../schema/regular-file.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';

const MAX_BYTES = 65_536;

/** Reads a secret from a file, or from standard input for `-`: one trailing line end is not part of it. */
export async function readSecretFile(io: Io, path: string): Promise<Secret> {
  const text = path === '-' ? await readStdin(io) : readText(resolve(io.cwd, path));
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new CommandFailure(EXIT.usage, `${path === '-' ? 'Standard input' : path} holds no secret.`);
  return new Secret(secret);
}

/** The first of these environment variables that is set. */
export function secretFromEnv(io: Io, names: readonly string[]): Secret | undefined {
  const found = names.map((name) => io.env[name]).find((value) => value !== undefined && value !== '');
  return found === undefined ? undefined : new Secret(found);
}

async function readStdin(io: Io): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of io.stdin) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > MAX_BYTES) throw new CommandFailure(EXIT.usage, 'Standard input is too long for a secret.');
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readText(path: string): string {
  let text: string | undefined;
  try {
    text = readSmallText(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new CommandFailure(EXIT.usage, `${path} cannot be read (${code}).`);
  }
  if (text === undefined) throw new CommandFailure(EXIT.usage, `${path} is too long for a secret.`);
  return text;
}

/** The text of a file or pipe, such as a shell's `<(…)`; undefined when it does not end. Throws the system's error. */
export function readSmallText(path: string): string | undefined {
  const fd = openSync(path, 'r');
  try {
    return readAtMost(fd, MAX_BYTES)?.toString('utf8');
  } finally {
    closeSync(fd);
  }
}
