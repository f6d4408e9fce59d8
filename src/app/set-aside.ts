import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GenerationStore } from '../storage/generation-store.ts';
import type { FolderFile } from './chain-folder.ts';

const MAX_KEPT = 20;

/**
 * Copies what a change is about to replace or remove in the chain folder and no generation of the history has: somebody's
 * work that is not in force yet. Gives the folder of the copies; undefined when there were none. The newest 20 are kept.
 */
export async function setAside(
  change: { readonly standing: readonly FolderFile[]; readonly next: readonly FolderFile[] },
  { generations, parent, at }: { readonly generations: GenerationStore; readonly parent: string; readonly at: number },
): Promise<string | undefined> {
  const next = new Set(change.next.map(identityOf));
  const lost = new Map(change.standing.filter((file) => !next.has(identityOf(file))).map((f) => [identityOf(f), f]));
  for (const { id } of lost.size === 0 ? [] : await generations.list()) {
    for (const file of (await generations.get(id))?.files ?? []) lost.delete(identityOf(file));
  }
  if (lost.size === 0) return undefined;
  const dir = join(parent, new Date(at).toISOString().replaceAll(':', '-'));
  for (const { path, text } of lost.values()) {
    await mkdir(dirname(join(dir, path)), { recursive: true, mode: 0o700 });
    await writeFile(join(dir, path), text, { mode: 0o600, flush: true });
  }
  const kept = (await readdir(parent)).sort();
  for (const old of kept.slice(0, -MAX_KEPT)) await rm(join(parent, old), { recursive: true });
  return dir;
}

const identityOf = ({ path, text }: FolderFile): string => `${path}\0${text}`;
