import { readFileSync, statSync } from 'node:fs';

const MAX_BYTES = 65_536;

export type SecretText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

/** The text of a file that holds one secret; the line feed that editors put at its end does not belong to it. */
export function readSecretFile(path: string): SecretText {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return { ok: false, problem: 'is not a regular file' };
    if (facts.size > MAX_BYTES) return { ok: false, problem: `is larger than ${MAX_BYTES} bytes` };
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? { ok: false, problem: 'is empty' } : { ok: true, text };
  } catch (error) {
    return { ok: false, problem: `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}` };
  }
}
