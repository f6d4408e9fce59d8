import { readFileSync, statSync } from 'node:fs';
import { Secret } from '../model/secret.ts';

const MAX_BYTES = 65_536;

/** A provision secret from a file of its own; the line feed that editors put at its end does not belong to it. */
export function readSecret(
  path: string,
): { readonly ok: true; readonly secret: Secret } | { readonly ok: false; readonly problem: string } {
  try {
    const facts = statSync(path);
    if (!facts.isFile() || facts.size > MAX_BYTES) return { ok: false, problem: 'is not a small regular file' };
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? { ok: false, problem: 'is empty' } : { ok: true, secret: new Secret(text) };
  } catch (error) {
    return { ok: false, problem: `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}` };
  }
}
