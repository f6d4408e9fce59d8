import { readFileSync, statSync } from 'node:fs';
import { Secret } from '../model/secret.ts';

const MAX_BYTES = 65_536;

export type SecretFile =
  | { readonly ok: true; readonly secret: Secret }
  | { readonly ok: false; readonly problem: string };

/** The secret that a file of its own holds; the line feed that editors put at its end does not belong to it. */
export function readSecretFile(path: string): SecretFile {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return { ok: false, problem: 'is not a regular file' };
    if (facts.size > MAX_BYTES) return { ok: false, problem: `is larger than ${MAX_BYTES} bytes` };
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? { ok: false, problem: 'is empty' } : { ok: true, secret: new Secret(text) };
  } catch (error) {
    return { ok: false, problem: `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}` };
  }
}
