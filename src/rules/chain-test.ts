import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Msg } from '../model/msg.ts';
import type { Issue } from '../schema/issue.ts';
import { type CaseRun, findDifferences } from './chain-test-compare.ts';
import { type ChainTestCase, type ChainTestFile, parseChainTest, type TestMessage } from './chain-test-file.ts';
import type { CompiledChain } from './compile.ts';
import { type Generation, loadChains } from './generation.ts';
import { type RunResult, runChain, type TraceStep } from './run.ts';
import { wrapSecrets } from './secrets.ts';
import { createTestContext, type TestContext } from './test-context.ts';
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

/**
 * Runs the `*.test.json` files of folders, or single ones, against the chains beside them: offline, each case in a world
 * of its own in memory.
 */
export async function runChainTests(paths: string | readonly string[]): Promise<ChainTestReport> {
  const cases: CaseResult[] = [];
  const issues: Issue[] = [];
  const generations = new Map<string, Generation | undefined>();
  for (const file of await testFiles(typeof paths === 'string' ? [paths] : paths, issues)) {
    const folder = dirname(file);
    if (!generations.has(folder)) {
      const loaded = await loadChains(folder);
      if (!loaded.ok) issues.push(...loaded.issues);
      generations.set(folder, loaded.ok ? loaded.generation : undefined);
    }
    const generation = generations.get(folder);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const parsed = text === undefined ? unreadable(file) : parseChainTest(file, text);
    if (!parsed.ok) issues.push(...parsed.issues);
    else if (generation) await runFile(file, parsed.value, generation, cases, issues);
  }
  return { ok: issues.every((issue) => issue.level !== 'error') && cases.every((one) => one.ok), cases, issues };
}

async function testFiles(paths: readonly string[], issues: Issue[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      const isFolder = (await stat(path)).isDirectory();
      const names = isFolder ? (await readdir(path)).filter((name) => name.endsWith('.test.json')).sort() : [];
      files.push(...(isFolder ? names.map((name) => join(path, name)) : [path]));
    } catch {
      issues.push(...unreadable(path).issues);
    }
  }
  return files;
}

function unreadable(file: string): { readonly ok: false; readonly issues: readonly Issue[] } {
  const problem = 'there is no such file or folder';
  return { ok: false, issues: [{ file, at: '', rule: 'unreadable', level: 'error', problem }] };
}

async function runFile(
  file: string,
  tests: ChainTestFile,
  generation: Generation,
  cases: CaseResult[],
  issues: Issue[],
): Promise<void> {
  const chain = chainFor(file, tests, generation);
  if (!chain) {
    const problem = tests.chain
      ? `there is no chain "${tests.chain}"`
      : `there is no chain in ${basename(file).replace('.test.json', '.json')}`;
    const at = tests.chain ? '/chain' : '';
    issues.push({ file, at, rule: 'unknown-chain', level: 'error', problem });
    return;
  }
  for (const test of tests.cases) {
    const began = performance.now();
    const run = await runCase(test, chain, generation);
    const differences = findDifferences(test.then, run);
    cases.push({ file, name: test.name, ok: differences.length === 0, differences, ms: performance.now() - began });
  }
}

function chainFor(file: string, tests: ChainTestFile, generation: Generation): CompiledChain | undefined {
  if (tests.chain !== undefined) return generation.chains.get(tests.chain);
  const beside = basename(file).replace('.test.json', '.json');
  const graph = [...generation.graphs.values()].find((one) => basename(one.file) === beside);
  return graph && generation.chains.get(graph.name);
}

async function runCase(test: ChainTestCase, chain: CompiledChain, generation: Generation): Promise<CaseRun> {
  const context = createTestContext(test.given);
  let result: RunResult = { outcome: 'processed' };
  let steps: TraceStep[] = [];
  let repliesBefore = 0;
  for (const [index, message] of test.when.entries()) {
    steps = [];
    repliesBefore = context.replies.length;
    const msg = msgOf(message, `message-${index + 1}`, context, generation.secretKeys);
    result = await runChain(chain.first, msg, context, { trace: (step) => steps.push(step) });
  }
  const sender = test.when.at(-1)?.from;
  const replies = context.replies.slice(repliesBefore).filter((reply) => reply.device === sender);
  const reply = replies.length === 0 ? null : Object.assign({}, ...replies.map(({ body }) => body));
  return { context, result, paths: tracePaths(steps), reply };
}

/** A message as the device API makes it (thingsboard-rule-chains 3.3). */
function msgOf(message: TestMessage, id: string, context: TestContext, secretKeys: ReadonlySet<string>): Msg {
  const originator = context.originator(message.from);
  const ts = Number(message.ts ?? context.now());
  const device = { deviceName: originator.name, deviceType: originator.profile };
  const base = { id, ts, originator };
  if (message.telemetry) {
    const metadata = { ...device, ts: String(ts), mqttTopic: 'v1/devices/me/telemetry', ...message.metadata };
    const data = wrapSecrets(message.telemetry, secretKeys);
    return { ...base, type: 'POST_TELEMETRY_REQUEST', metadata, data };
  }
  if (message.attributes) {
    const metadata = { ...device, notifyDevice: 'false', mqttTopic: 'v1/devices/me/attributes', ...message.metadata };
    const data = wrapSecrets(message.attributes, secretKeys);
    return { ...base, type: 'POST_ATTRIBUTES_REQUEST', metadata, data };
  }
  const data = wrapSecrets(message.data ?? {}, secretKeys);
  return { ...base, type: message.type ?? '', metadata: { ...device, ...message.metadata }, data };
}
