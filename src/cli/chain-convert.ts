import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Conversion, ConvertedChain } from '../rules/tools/index.ts';
import { printIssues } from './findings.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { printJson } from './table.ts';

export interface ConvertOptions {
  /** Where the files are written. */
  readonly folder: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** Writes converted chains, all or none, and reports each; gives the exit code. */
export function writeConverted(io: Io, conversion: Conversion, { folder, force, json }: ConvertOptions): number {
  const { chains, issues } = conversion;
  const wrong = issues.some(({ level }) => level === 'error');
  if (!wrong) writeAll(io, chains, folder, force);
  const rows = chains.map((chain) => ({
    chain: chain.name,
    root: chain.root,
    nodes: chain.nodes,
    from: short(io, chain.from),
    to: short(io, join(folder, chain.file)),
  }));
  if (json) {
    const shown = issues.map((issue) => ({ ...issue, file: short(io, issue.file) }));
    printJson(io, { ok: !wrong, chains: rows, issues: shown });
    return wrong ? EXIT.findings : EXIT.fine;
  }
  printIssues(io, issues, { json: false, strict: false });
  for (const { chain, root, nodes, from, to } of rows) {
    const count = `${nodes} ${nodes === 1 ? 'node' : 'nodes'}${root ? ', root' : ''}`;
    io.stdout.write(`${from}: ${JSON.stringify(chain)} (${count}) -> ${to}\n`);
  }
  if (wrong) io.stdout.write('Nothing was written.\n');
  return wrong ? EXIT.findings : EXIT.fine;
}

/** New files stand beside the old ones until all are there: a broker that watches the folder never reads half of one. */
function writeAll(io: Io, chains: readonly ConvertedChain[], folder: string, force: boolean): void {
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw new CommandFailure(EXIT.findings, `${short(io, folder)} is a file, not a folder. Nothing was written.`);
  }
  const files = chains.map(({ file, text }) => ({ path: join(folder, file), text }));
  const changed = files.filter(({ path, text }) => !existsSync(path) || readOld(io, path) !== text);
  const standing = changed.filter(({ path }) => existsSync(path)).map(({ path }) => short(io, path));
  if (standing.length > 0 && !force) {
    const problem = `${standing.join(', ')}: already there, with other content. --force replaces it. Nothing was written.`;
    throw new CommandFailure(EXIT.findings, problem);
  }
  const temporary = changed.map(({ path }) => `${path}.${process.pid}.tmp`);
  try {
    mkdirSync(folder, { recursive: true });
    for (const [index, { text }] of changed.entries()) writeFileSync(temporary[index] ?? '', text);
    for (const [index, { path }] of changed.entries()) renameSync(temporary[index] ?? '', path);
  } catch (error) {
    for (const path of temporary.filter((file) => existsSync(file))) rmSync(path);
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new CommandFailure(EXIT.findings, `${short(io, folder)} cannot be written (${code}).`);
  }
}

/** Throws CommandFailure for what no file can take the place of. */
function readOld(io: Io, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EISDIR' ? 'is a folder: move it away' : `cannot be read (${code})`;
    throw new CommandFailure(EXIT.findings, `${short(io, path)} ${why}. Nothing was written.`);
  }
}

export function short(io: Io, path: string): string {
  const name = relative(io.cwd, path);
  return name.startsWith('..') ? path : name;
}
