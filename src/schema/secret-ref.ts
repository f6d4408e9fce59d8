import { dirname, resolve } from 'node:path';
import { Secret } from '../model/secret.ts';
import { readSecretFile } from './secret-file.ts';

/** A secret as files name it: by reference, or in clear with a warning (design.md 4). */
export type SecretRef = string | { readonly env: string } | { readonly file: string };

export interface SecretRefOptions {
  /** Path of the file that holds the reference: paths start in its folder. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `unset`: the variable has no value and `<variable>_FILE` names no file. */
export type ResolvedSecret =
  | { readonly kind: 'known'; readonly secret: Secret }
  | { readonly kind: 'unset'; readonly variable: string }
  | { readonly kind: 'unreadable'; readonly problem: string };

const only = (key: string, description: string, pattern?: string): Record<string, unknown> => ({
  type: 'object',
  additionalProperties: false,
  required: [key],
  properties: { [key]: { description, type: 'string', minLength: 1, ...(pattern ? { pattern } : {}) } },
});

/** JSON schema of a reference. `unset`: what happens when the variable has no value, for its description. */
export const secretRefSchema = (unset: string): Readonly<Record<string, unknown>> => ({
  description: 'A secret: by reference to the environment or to a file. In clear it works, with a warning.',
  anyOf: [
    only('env', `Name of an environment variable; ${unset}.`, '^[A-Za-z_][A-Za-z0-9_]*$'),
    only('file', 'Path of a file that holds the secret, from the folder of this file.'),
    { type: 'string', minLength: 1 },
  ],
});

export function resolveSecretRef(ref: SecretRef, { env, file }: SecretRefOptions): ResolvedSecret {
  if (typeof ref === 'string') return { kind: 'known', secret: new Secret(ref) };
  if ('file' in ref) return fromFile(resolve(dirname(file), ref.file), ref.file);
  const value = env[ref.env];
  const path = env[`${ref.env}_FILE`];
  if (value && path) {
    const problem = `${ref.env} and ${ref.env}_FILE are both set in the environment: unset one of them`;
    return { kind: 'unreadable', problem };
  }
  if (value) return { kind: 'known', secret: new Secret(value) };
  return path ? fromFile(resolve(path), path) : { kind: 'unset', variable: ref.env };
}

function fromFile(path: string, named: string): ResolvedSecret {
  const read = readSecretFile(path);
  return read.ok
    ? { kind: 'known', secret: read.secret }
    : { kind: 'unreadable', problem: `the secret file ${named} ${read.problem}` };
}
