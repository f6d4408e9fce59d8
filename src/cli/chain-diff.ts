import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type ChainGraph, catalogue, isChainFile } from '../rules/index.ts';
import {
  type CaseDiff,
  canonicalJson,
  createOutside,
  type DiffReport,
  diffCases,
  diffChains,
  diffMarkdown,
  diffText,
  loadForRehearsal,
  readGraphs,
  type Side,
  type Stage,
} from '../rules/tools/index.ts';
import { defineCommand } from './command.ts';
import { printIssues } from './findings.ts';
import { openSource, type Source } from './git-revision.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { printJson } from './table.ts';

export const diff = defineCommand({
  name: 'chain diff',
  summary: 'Says what two versions of rule chains do differently; order, layout and defaults make no difference.',
  args: '<before> <after>',
  flags: {
    tests: {
      type: 'boolean',
      summary: 'also run the fixtures of both through both, and show which come out differently',
    },
    markdown: { type: 'boolean', summary: 'print Markdown, for a pull request' },
  },
  notes: 'Each is a file, a folder, or REVISION:path in git. Exit 0: the same; 1: different; 2: one cannot be read.',
  examples: [
    'gridmoor chain diff main:rule-chains rule-chains --tests --markdown',
    'gridmoor chain diff a.json b.json',
  ],
  async run({ json, tests, markdown }, args, io) {
    if (json && markdown) throw new UsageError('--json and --markdown are two forms of one report: give one of them.');
    const sources: Source[] = [];
    try {
      for (const text of args) sources.push(openSource(io, text));
      return await compare(io, sources, { json, tests, markdown });
    } finally {
      for (const source of sources) source.close();
    }
  },
});

interface Forms {
  readonly json: boolean;
  readonly tests: boolean;
  readonly markdown: boolean;
}

async function compare(io: Io, [before, after]: readonly Source[], { json, tests, markdown }: Forms): Promise<number> {
  const old = await open(io, before?.path ?? '', json);
  const now = await open(io, after?.path ?? '', json);
  if (old === undefined || now === undefined) return EXIT.usage;
  const kinds = new Map(catalogue.map((kind) => [kind.kind, kind]));
  const report: DiffReport = {
    chains: diffChains(old.graphs, now.graphs, kinds),
    files: changedTables(old, now),
    ...(tests ? { cases: await casesOf(old, now) } : {}),
  };
  const same = report.chains.length + report.files.length + (report.cases?.length ?? 0) === 0;
  if (json) printJson(io, { same, ...report });
  else if (markdown) io.stdout.write(diffMarkdown(report));
  else io.stdout.write(same ? 'The rule chains do the same.\n' : diffText(report));
  return same ? EXIT.fine : EXIT.findings;
}

interface Opened {
  readonly graphs: ReadonlyMap<string, ChainGraph>;
  readonly folder: string;
  readonly isFolder: boolean;
  /** Ready to run; undefined for a single chain that is not the root, which is then only looked at. */
  readonly side: Side | undefined;
}

async function open(io: Io, path: string, json: boolean): Promise<Opened | undefined> {
  const { graphs, issues } = await readGraphs(path);
  const stage: Stage = { outside: createOutside('') };
  const loaded = await loadForRehearsal(path, stage);
  const problems = loaded.ok ? [] : loaded.issues.filter(({ level, rule }) => level === 'error' && rule !== 'no-root');
  if (issues.length > 0 || problems.length > 0) {
    printIssues(io, issues.length > 0 ? issues : problems, { json, strict: false, what: path });
    return undefined;
  }
  const isFolder = statSync(path).isDirectory();
  const side = loaded.ok ? { generation: loaded.generation, stage } : undefined;
  return { graphs, side, isFolder, folder: isFolder ? path : dirname(path) };
}

/** Lookup tables of both sides by their path below the chains, compared as JSON. */
function changedTables(old: Opened, now: Opened): string[] {
  const before = tablesOf(old);
  const after = tablesOf(now);
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.filter((name) => before.get(name) !== after.get(name));
}

function tablesOf({ side, graphs, folder }: Opened): ReadonlyMap<string, string> {
  const chains = new Set([...graphs.values()].map(({ file }) => file));
  const tables = (side?.generation.files ?? []).filter((file) => !chains.has(file) && !isChainIn(folder, file));
  return new Map(tables.map((file) => [relative(folder, file), canonicalJson(JSON.parse(readFileSync(file, 'utf8')))]));
}

const isChainIn = (folder: string, file: string): boolean => dirname(file) === folder && isChainFile(basename(file));

/** Cases that stand on either side, those of the newer one first; one that stands on both runs once. */
async function casesOf(old: Opened, now: Opened): Promise<CaseDiff[]> {
  const found: CaseDiff[] = [];
  if (old.side === undefined || now.side === undefined) {
    throw new UsageError('--tests runs whole chains: give folders, or the files of root chains.');
  }
  for (const side of [now, old]) {
    for (const name of testFiles(side)) {
      const list = await diffCases(name, readFileSync(join(side.folder, name), 'utf8'), old.side, now.side);
      found.push(...list.filter((one) => !found.some((other) => other.file === one.file && other.name === one.name)));
    }
  }
  return found;
}

function testFiles({ folder, graphs, isFolder }: Opened): string[] {
  const own = [...graphs.values()].map(({ file }) => basename(file).replace(/\.json$/, '.test.json'));
  const names = readdirSync(folder).filter((name) => name.endsWith('.test.json'));
  return names.filter((name) => isFolder || own.includes(name)).sort();
}
