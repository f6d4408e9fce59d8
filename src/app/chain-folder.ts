import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BrokerError } from '../errors.ts';

/** A text file of the chain folder: a chain, a test, a lookup table. `path` is relative to it, with `/`. */
export interface FolderFile {
  readonly path: string;
  readonly text: string;
}

const MAX_FILES = 1_000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 4;

/** Every `*.json` of the folder and of those inside it but schemas and hidden ones, in order of path. Throws FILE_INVALID. */
export async function readChainFolder(dir: string): Promise<readonly FolderFile[]> {
  const files: FolderFile[] = [];
  let bytes = 0;
  for (const path of await jsonFiles(dir, '', 0)) {
    bytes += (await stat(join(dir, path))).size;
    if (files.length === MAX_FILES || bytes > MAX_BYTES) {
      throw new BrokerError('FILE_INVALID', { detail: `${dir} holds more than a history of chains can keep` });
    }
    files.push({ path, text: await readFile(join(dir, path), 'utf8') });
  }
  return files;
}

async function jsonFiles(dir: string, below: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(dir, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.name.startsWith('.')) continue;
    const facts = entry.isSymbolicLink() ? await stat(join(dir, path)) : entry;
    if (facts.isDirectory() && depth < MAX_DEPTH) found.push(...(await jsonFiles(dir, path, depth + 1)));
    else if (facts.isFile() && /(?<!\.schema)\.json$/.test(entry.name)) found.push(path);
  }
  return found.sort();
}

/**
 * Makes the folder hold these files: each one that differs is replaced in one step, and those that are not among them are
 * removed last. A crash on the way leaves whole files, new or old. Throws FILE_INVALID when the folder cannot be written.
 */
export async function writeChainFolder(dir: string, files: readonly FolderFile[]): Promise<void> {
  try {
    const standing = new Map((await readChainFolder(dir)).map((file) => [file.path, file.text]));
    for (const { path, text } of files) {
      if (standing.get(path) !== text) await replaceFile(join(dir, path), text);
      standing.delete(path);
    }
    for (const path of standing.keys()) await rm(join(dir, path));
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const detail = `the chain folder ${dir} cannot be written: ${(error as Error).message}`;
    throw new BrokerError('FILE_INVALID', { detail }, { cause: error });
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${process.pid}-${Date.now().toString(36)}.tmp`);
  await writeFile(temporary, text, { flush: true });
  await rename(temporary, path);
}

/** Runs something over a copy of the files in a folder of its own, which is gone afterwards. */
export async function inCopy<T>(
  files: readonly FolderFile[],
  parent: string,
  use: (dir: string) => Promise<T>,
): Promise<T> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(parent, 'chains-'));
  try {
    for (const { path, text } of files) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
