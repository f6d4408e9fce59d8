import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Issue } from '../schema/issue.ts';
import { catalogue } from './catalogue.ts';
import { type CaseRun, findDifferences } from './chain-test-compare.ts';
import { type ChainTestCase, type ChainTestFile, parseChainTest } from './chain-test-file.ts';
import type { CompiledChain } from './compile.ts';
import type { Generation } from './generation.ts';
import { escapePointer } from './json-source.ts';
import { type NodeVisit, reachesOutside } from './node-visits.ts';
import { mergeRecords } from './record.ts';
import { loadForRehearsal, rehearse, type Stage } from './rehearsal.ts';
import type { TraceStep } from './run.ts';
import { createOutside, type Mock } from './test-mocks.ts';
import { tracePaths } from './trace-paths.ts';

export interface CaseResult {
  readonly file: string;
  readonly name: string;
  readonly ok: boolean;
  /** What differs, several lines each: `path`, then `expected:` and `actual:`. */
  readonly differences: readonly string[];
  readonly ms: number;
}

export interface ChainTestReport {
  /** True when every file could be read and every case passed. */
  readonly ok: boolean;
  readonly cases: readonly CaseResult[];
  /** Chains or test files that could not be read. */
  readonly issues: readonly Issue[];
}

export interface ChainTestOptions {
  /** Hears of each set of chains, once it is loaded. */
  readonly onLoad?: (generation: Generation) => void;
  readonly onVisit?: (visit: NodeVisit) => void;
  readonly onStep?: (step: TraceStep) => void;
}

/** What the cases of one file run on. */
interface FileRun {
  readonly generation: Generation;
  readonly stage: Stage;
  readonly onStep: ChainTestOptions['onStep'];
}

/**
 * Runs the `*.test.json` files of folders, or single ones, against the chains beside them: offline, each case in a world
 * of its own in memory.
 */
export async function runChainTests(
  paths: string | readonly string[],
  { onLoad, onVisit, onStep }: ChainTestOptions = {},
): Promise<ChainTestReport> {
  const stage: Stage = { outside: createOutside(''), ...(onVisit ? { onVisit } : {}) };
  const cases: CaseResult[] = [];
  const issues: Issue[] = [];
  const generations = new Map<string, Generation | undefined>();
  for (const file of await testFiles(typeof paths === 'string' ? [paths] : paths, issues)) {
    const folder = dirname(file);
    if (!generations.has(folder)) {
      const loaded = await loadForRehearsal(folder, stage);
      if (loaded.ok) onLoad?.(loaded.generation);
      else issues.push(...loaded.issues);
      generations.set(folder, loaded.ok ? loaded.generation : undefined);
    }
    const generation = generations.get(folder);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const parsed = text === undefined ? unreadable(file) : parseChainTest(file, text);
    if (!parsed.ok) issues.push(...parsed.issues);
    else if (generation) await runFile(file, parsed.value, { generation, stage, onStep }, cases, issues);
  }
  return { ok: issues.every((issue) => issue.level !== 'error') && cases.every((one) => one.ok), cases, issues };
}

async function testFiles(paths: readonly string[], issues: Issue[]): Promise<string[]> {
  const files = new Map<string, string>();
  for (const path of paths) {
    try {
      const isFolder = (await stat(path)).isDirectory();
      const names = isFolder ? (await readdir(path)).filter((name) => name.endsWith('.test.json')).sort() : [];
      for (const file of isFolder ? names.map((name) => join(path, name)) : [path]) files.set(resolve(file), file);
    } catch {
      issues.push(...unreadable(path).issues);
    }
  }
  return [...files.values()];
}

function unreadable(file: string): { readonly ok: false; readonly issues: readonly Issue[] } {
  const problem = 'there is no such file or folder';
  return { ok: false, issues: [{ file, at: '', rule: 'unreadable', level: 'error', problem }] };
}

async function runFile(
  file: string,
  tests: ChainTestFile,
  run: FileRun,
  cases: CaseResult[],
  issues: Issue[],
): Promise<void> {
  const chain = chainFor(file, tests, run.generation);
  if (!chain) {
    const problem = tests.chain
      ? `there is no chain "${tests.chain}"`
      : `there is no chain in ${basename(file).replace('.test.json', '.json')}`;
    const at = tests.chain ? '/chain' : '';
    issues.push({ file, at, rule: 'unknown-chain', level: 'error', problem });
    return;
  }
  issues.push(...misplacedMocks(file, tests, chain, run.generation));
  for (const test of tests.cases) {
    const began = performance.now();
    const differences = findDifferences(test.then, await runCase(test, chain, run));
    cases.push({ file, name: test.name, ok: differences.length === 0, differences, ms: performance.now() - began });
  }
}

/** A mock of a node that works offline would hide what the broker does there. */
function misplacedMocks(file: string, tests: ChainTestFile, chain: CompiledChain, generation: Generation): Issue[] {
  return tests.cases.flatMap(({ given }, index) =>
    Object.entries(given?.mocks ?? {}).flatMap(([name, mock]): Issue[] => {
      const at = `/cases/${index}/given/mocks/${escapePointer(name)}`;
      const [other, node] = name.split('/', 2);
      const kind = (chain.nodes.get(name) ?? generation.chains.get(other ?? '')?.nodes.get(node ?? ''))?.kind;
      if (kind !== undefined && reachesOutside(kind)) return mislabelled([mock].flat(), { file, at }, kind);
      const problem =
        kind === undefined ? `there is no node "${name}"` : `${kind} reaches nothing outside: it just runs`;
      return [{ file, at, rule: 'invalid-value', level: 'error', problem, hint: 'mock nodes of kind external/* only' }];
    }),
  );
}

/** A node that leaves by a label that its kind lacks would end there, and seem tested. */
function mislabelled(mocks: readonly Mock[], place: Pick<Issue, 'file' | 'at'>, kind: string): Issue[] {
  const relations: readonly string[] = catalogue.find((one) => one.kind === kind)?.relations ?? [];
  const labels = [...relations, 'Failure'];
  return mocks.flatMap(({ to = 'Success' }): Issue[] => {
    if (labels.includes(to) || labels.includes('*')) return [];
    const problem = `${kind} never leaves by ${JSON.stringify(to)}`;
    return [{ ...place, rule: 'unknown-relation', level: 'error', problem, hint: `one of: ${labels.join(', ')}` }];
  });
}

function chainFor(file: string, tests: ChainTestFile, generation: Generation): CompiledChain | undefined {
  if (tests.chain !== undefined) return generation.chains.get(tests.chain);
  const beside = basename(file).replace('.test.json', '.json');
  const graph = [...generation.graphs.values()].find((one) => basename(one.file) === beside);
  return graph && generation.chains.get(graph.name);
}

async function runCase(test: ChainTestCase, chain: CompiledChain, run: FileRun): Promise<CaseRun> {
  const { generation, stage, onStep } = run;
  const { secretKeys, chains } = generation;
  const { given, when } = test;
  const play = {
    chain,
    chains,
    secretKeys,
    when,
    withSources: true,
    ...(given ? { given } : {}),
    ...(onStep ? { onStep } : {}),
  };
  const { context, before, outside, runs, repliesBefore } = await rehearse(play, stage);
  const last = runs.at(-1);
  const sender = test.when.findLast((message) => message.from !== undefined)?.from;
  const replies = context.replies.slice(repliesBefore).filter((reply) => reply.device === sender);
  const reply = replies.length === 0 ? null : mergeRecords(replies.map(({ body }) => body));
  const result = last?.result ?? { outcome: 'processed' };
  return { context, before, outside, result, paths: tracePaths(last?.steps ?? []), reply };
}
