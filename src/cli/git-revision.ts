import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { CommandFailure, EXIT, type Io } from './io.ts';

/** A file or folder as it is, or as it was at a revision, on disk until `close`. */
export interface Source {
  readonly path: string;
  close(): void;
}

const MAX_FILES = 2_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** `path`, or `REVISION:path` when there is no such file: git then gives what stood there, tables beside chains too. */
export function openSource(io: Io, text: string): Source {
  const path = resolve(io.cwd, text);
  const [, revision, inside] = /^([^:]+):(.+)$/.exec(text) ?? [];
  if (existsSync(path) || revision === undefined || inside === undefined) return { path, close: () => {} };
  const kind = git(io, 'cat-file', '-t', `${revision}:./${inside}`).trim();
  const folder = kind === 'tree' ? inside : dirname(inside);
  const names = git(io, 'ls-tree', '-r', '-z', '--name-only', revision, '--', `./${folder}`)
    .split('\0')
    .filter(Boolean);
  const json = names.filter((name) => name.endsWith('.json'));
  if (json.length > MAX_FILES) throw new CommandFailure(EXIT.usage, `${text} holds more than ${MAX_FILES} JSON files.`);
  const root = mkdtempSync(join(tmpdir(), 'gridmoor-revision-'));
  try {
    for (const name of json) {
      const target = join(root, name);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, git(io, 'show', `${revision}:./${name}`));
    }
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
  const found = kind === 'tree' ? join(root, inside) : join(root, dirname(inside), basename(inside));
  return { path: found, close: () => rmSync(root, { recursive: true, force: true }) };
}

function git(io: Io, ...args: string[]): string {
  // A revision that begins with a dash would be read as an option.
  if (args.some((arg, at) => at > 0 && arg.startsWith('-') && !KNOWN.has(arg))) {
    throw new CommandFailure(EXIT.usage, 'A git revision does not begin with "-".');
  }
  try {
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    return execFileSync('git', args, { cwd: io.cwd, encoding: 'utf8', maxBuffer: MAX_BYTES, stdio });
  } catch (error) {
    const { stderr, code } = error as { readonly stderr?: string; readonly code?: string };
    const why = code === 'ENOENT' ? 'git is not there' : (stderr ?? '').trim().split('\n')[0];
    throw new CommandFailure(EXIT.usage, `git could not give it: ${why}`);
  }
}

const KNOWN = new Set(['-t', '--', '-r', '-z', '--name-only']);
