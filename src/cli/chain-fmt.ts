import { isUtf8 } from 'node:buffer';
import { existsSync, readdirSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { profileSchema } from '../profiles/index.ts';
import { formatText } from '../rules/tools/index.ts';
import type { Issue } from '../schema/issue.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import { defineCommand } from './command.ts';
import { printIssues, resolveAll } from './findings.ts';
import { EXIT, type Io } from './io.ts';
import { printJson } from './table.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const FOLDERS = ['rule-chains', 'device-profiles'];

export const fmt = defineCommand({
  name: 'chain fmt',
  summary: 'Writes chains, their tests and device profiles in the one form in which edits to two nodes merge.',
  args: '[path...]',
  flags: { check: { type: 'boolean', summary: 'write nothing; exit 1 when a file is not in that form' } },
  notes:
    `Paths are files or folders; without one, ${FOLDERS.join('/ and ')}/. Nodes keep their order, members get that of\n` +
    'their schema; numbers keep their digits. A file that is not JSON, or names a member twice, is left as it is.',
  examples: ['gridmoor chain fmt', 'gridmoor chain fmt --check rule-chains'],
  async run({ check, json }, paths, io) {
    const given = paths.length > 0 ? paths : FOLDERS.filter((folder) => existsSync(join(io.cwd, folder)));
    const issues: Issue[] = [];
    const found = resolveAll(io, given, FOLDERS[0] ?? '.').flatMap((path) => filesOf(path, issues));
    const files = [...new Set(found)];
    const changed = files.filter((file) => formatFile(file, check, issues)).map((file) => relative(io.cwd, file));
    report(io, { files: files.length, changed, check, json, issues });
    return issues.length > 0 || (check && changed.length > 0) ? EXIT.findings : EXIT.fine;
  },
});

function filesOf(path: string, issues: Issue[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /^[^.#~].*\.json$/.test(name) && !name.endsWith('.schema.json'));
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT' ? 'there is no such file or folder' : `cannot be read (${code ?? 'unknown error'})`;
    issues.push(unreadable(path, problem));
    return [];
  }
}

/** Whether the file was not, or is not yet, in its form. */
function formatFile(file: string, check: boolean, issues: Issue[]): boolean {
  const read = readRegularFile(file, MAX_BYTES);
  if (!read.ok || !isUtf8(read.bytes)) {
    issues.push(unreadable(file, read.ok ? 'is not UTF-8 text' : read.problem));
    return false;
  }
  const text = read.bytes.toString('utf8');
  const formatted = formatText(file, text, { profileSchema: profileSchema() });
  if (!formatted.ok) {
    issues.push(...formatted.issues);
    return false;
  }
  if (formatted.text === text) return false;
  if (!check) replaceFile(file, formatted.text, issues);
  return true;
}

/** In one step, so that a broker that watches the folder never reads half a file. */
function replaceFile(file: string, text: string, issues: Issue[]): void {
  try {
    const target = realpathSync(file);
    const next = `${target}.${process.pid}.tmp`;
    writeFileSync(next, text, { mode: statSync(target).mode });
    renameSync(next, target);
  } catch (error) {
    issues.push(unreadable(file, `cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`));
  }
}

const unreadable = (file: string, problem: string): Issue => ({
  file,
  at: '',
  rule: 'unreadable',
  level: 'error',
  problem,
});

interface Report {
  readonly files: number;
  readonly changed: readonly string[];
  readonly check: boolean;
  readonly json: boolean;
  readonly issues: readonly Issue[];
}

function report(io: Io, { files, changed, check, json, issues }: Report): void {
  if (json) {
    printJson(io, { files, [check ? 'stale' : 'written']: changed, issues });
    return;
  }
  for (const file of changed) io.stdout.write(`${check ? 'stale' : 'written'}: ${file}\n`);
  if (issues.length > 0) printIssues(io, issues, { json: false, strict: false });
  else if (changed.length === 0) io.stdout.write(`${files} ${files === 1 ? 'file' : 'files'}: fine\n`);
}
