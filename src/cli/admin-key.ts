import { resolve } from 'node:path';
import { Secret } from '../model/secret.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { readSmallText } from './secret-input.ts';

export interface AdminKey {
  /** Undefined when none was found. */
  readonly key?: Secret;
  /** Where it was found: an environment variable's name or a path; else what stood in the way. */
  readonly from: string;
}

/** Said whenever the key is missing or refused. */
export const KEY_PLACES =
  'The key is looked for in GRIDMOOR_ADMIN_KEY, then in the file GRIDMOOR_ADMIN_KEY_FILE names, then in admin.key of ' +
  'the data directory (GRIDMOOR_DATA_DIR, ./data).';

/**
 * The key of the management API: `GRIDMOOR_ADMIN_KEY`, else the file `GRIDMOOR_ADMIN_KEY_FILE` names, else `admin.key`
 * in the data directory. Never from a flag: a command line is readable for every user of the machine.
 */
export function findAdminKey(io: Io): AdminKey {
  const { GRIDMOOR_ADMIN_KEY: key, GRIDMOOR_ADMIN_KEY_FILE: file } = io.env;
  if (key?.trim()) return checked(key, 'GRIDMOOR_ADMIN_KEY');
  const path = file ? resolve(io.cwd, file) : dataFile(io, 'admin.key');
  try {
    const text = readSmallText(path);
    if (text === undefined) return { from: `${path} is too long for a key` };
    return text.trim() === '' ? { from: `${path} is empty` } : checked(text, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { from: code === 'ENOENT' ? `${path} is not there` : `${path} cannot be read (${code})` };
  }
}

/** fetch would quote a key that no header can carry in its error. */
function checked(text: string, from: string): AdminKey {
  const key = text.trim();
  if (/^[\x21-\x7e]+$/.test(key)) return { key: new Secret(key), from };
  throw new CommandFailure(
    EXIT.usage,
    `The key from ${from} is not one word of ASCII characters: it is none of gridmoor's.`,
  );
}

/** A file in the data directory, as the environment names it. */
export function dataFile(io: Io, name: string): string {
  return resolve(io.cwd, io.env.GRIDMOOR_DATA_DIR || 'data', name);
}
