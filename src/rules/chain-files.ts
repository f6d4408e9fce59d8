import { isUtf8 } from 'node:buffer';
import { readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Issue } from '../schema/issue.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import { MAX_CHAIN_BYTES } from './parse.ts';

export interface ChainFile {
  readonly path: string;
  readonly text: string;
}

export interface ChainFiles {
  readonly files: readonly ChainFile[];
  readonly issues: readonly Issue[];
}

/** Test files and schemas stand beside the chains and are none. */
const NOT_A_CHAIN = /\.(?:test|schema)\.json$/;
const MAX_LOOKUP_BYTES = 16 * MAX_CHAIN_BYTES;

/** Whether a file name in a chain folder is that of a chain. */
export function isChainFile(name: string): boolean {
  return name.endsWith('.json') && !name.startsWith('.') && !NOT_A_CHAIN.test(name);
}

/**
 * Reads chain files; a folder gives its own chain files in order of name, not those of folders inside it. One that is named twice,
 * as itself and by its folder, is read once.
 */
export async function readChainFiles(paths: readonly string[]): Promise<ChainFiles> {
  const files: ChainFile[] = [];
  const issues: Issue[] = [];
  const known = new Set<string>();
  for (const path of paths) {
    try {
      for (const file of await expand(path)) {
        const full = resolve(file);
        if (!known.has(full)) readOne(file, files, issues);
        known.add(full);
      }
    } catch (error) {
      issues.push(unreadable(path, error));
    }
  }
  return { files, issues };
}

async function expand(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(isChainFile).sort();
  return names.map((name) => join(path, name));
}

function readOne(path: string, files: ChainFile[], issues: Issue[]): void {
  const read = readRegularFile(path, MAX_CHAIN_BYTES);
  if (!read.ok) {
    const rule = read.problem.startsWith('is larger') ? 'too-large' : 'unreadable';
    const problem = read.missing ? MISSING : read.problem;
    issues.push({ file: path, at: '', rule, level: 'error', problem });
  } else if (!isUtf8(read.bytes)) {
    const problem = 'is not UTF-8 text';
    issues.push({ file: path, at: '', rule: 'not-utf8', level: 'error', problem, hint: 'save it as UTF-8' });
  } else {
    files.push({ path, text: read.bytes.toString('utf8') });
  }
}

const MISSING = 'there is no such file or folder';

function unreadable(file: string, error: unknown): Issue {
  const code = (error as NodeJS.ErrnoException).code;
  const problem = code === 'ENOENT' ? MISSING : `cannot be read (${code ?? 'unknown error'})`;
  return { file, at: '', rule: 'unreadable', level: 'error', problem };
}

/**
 * Reads a table for a node of the chain in `chainFile`: the path is relative to that file's folder and may not leave it.
 * @param onRead hears the full path of each file, so that a watcher can look after it.
 */
export function readLookup(chainFile: string, path: string, onRead?: (path: string, text: string) => void): unknown {
  const folder = dirname(resolve(chainFile));
  const full = resolve(folder, path);
  const inside = relative(folder, full);
  if (isAbsolute(path) || inside.startsWith('..') || isAbsolute(inside)) {
    throw new Error(`"${path}" is outside the chain's folder`);
  }
  const read = readRegularFile(full, MAX_LOOKUP_BYTES);
  if (!read.ok) throw new Error(read.missing ? `there is no file "${path}"` : `"${path}" ${read.problem}`);
  if (!isUtf8(read.bytes)) throw new Error(`"${path}" is not UTF-8 text: save it as UTF-8`);
  const text = read.bytes.toString('utf8');
  onRead?.(full, text);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`"${path}" is not JSON`);
  }
}
