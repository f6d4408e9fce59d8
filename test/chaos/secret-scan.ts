import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { SecretHit } from '../helpers/checker.ts';

/** A text that must not be found, and what it is, for the report. */
export interface Needle {
  readonly what: string;
  readonly text: string;
}

/** Files of the data directory that hold keys by design (mode 0600). */
const KEY_FILES: ReadonlySet<string> = new Set(['instance.key', 'admin.key']);

/** Searches every byte below a directory, also of pages that the store has freed. */
export function scanFiles(dir: string, needles: readonly Needle[]): readonly SecretHit[] {
  const hits: SecretHit[] = [];
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || KEY_FILES.has(basename(entry.name))) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    for (const { what, text } of needles) {
      if (bytes.includes(text)) hits.push({ where: relative(dir, path), what });
    }
  }
  return hits;
}

export function scanLines(where: string, lines: readonly string[], needles: readonly Needle[]): readonly SecretHit[] {
  const hits: SecretHit[] = [];
  for (const line of lines) {
    for (const { what, text } of needles) {
      if (line.includes(text)) hits.push({ where: `${where}: ${line.slice(0, 200)}`, what });
    }
  }
  return hits;
}
