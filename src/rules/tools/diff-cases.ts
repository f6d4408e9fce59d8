import { basename } from 'node:path';
import { type ChainTestCase, type ChainTestFile, parseChainTest } from '../chain-test-file.ts';
import { observe, outsideOf } from '../chain-test-world.ts';
import type { CompiledChain } from '../compile.ts';
import type { Generation } from '../generation.ts';
import { type Rehearsal, rehearse, type Stage } from '../rehearsal.ts';
import { tracePaths } from '../trace-paths.ts';
import { canonicalJson } from './json-same.ts';

/** How a case came out on one side. */
export interface CaseSide {
  /** `processed by by-type > Other > log-other` */
  readonly told: string;
}

export interface CaseDiff {
  readonly file: string;
  readonly name: string;
  /** The node from which on the ways part; or what is left behind differently, when the ways are the same. */
  readonly at: string;
  readonly before: CaseSide;
  readonly after: CaseSide;
}

export interface Side {
  readonly generation: Generation;
  readonly stage: Stage;
}

/** Runs the cases of one test file through both sides, and gives those that come out differently. */
export async function diffCases(file: string, text: string, before: Side, after: Side): Promise<readonly CaseDiff[]> {
  const parsed = parseChainTest(file, text);
  if (!parsed.ok) return [];
  const differences: CaseDiff[] = [];
  for (const test of parsed.value.cases) {
    const one = await playOn(file, parsed.value, test, before);
    const other = await playOn(file, parsed.value, test, after);
    const at = parting(one, other);
    if (at === undefined) continue;
    differences.push({ file, name: test.name, at, before: { told: tell(one) }, after: { told: tell(other) } });
  }
  return differences;
}

async function playOn(
  file: string,
  tests: ChainTestFile,
  { given, when }: ChainTestCase,
  { generation, stage }: Side,
): Promise<Rehearsal | undefined> {
  const chain = chainOf(file, tests, generation);
  if (chain === undefined) return undefined;
  const { secretKeys, chains } = generation;
  return await rehearse({ chain, chains, secretKeys, when, ...(given ? { given } : {}) }, stage);
}

function chainOf(file: string, tests: ChainTestFile, { chains, graphs }: Generation): CompiledChain | undefined {
  const beside = basename(file).replace('.test.json', '.json');
  const name = tests.chain ?? [...graphs.values()].find((graph) => basename(graph.file) === beside)?.name;
  return name === undefined ? undefined : chains.get(name);
}

const waysOf = (one: Rehearsal): string[][] => one.runs.flatMap(({ steps }) => tracePaths(steps));

/** Undefined when both came out alike. */
function parting(one: Rehearsal | undefined, other: Rehearsal | undefined): string | undefined {
  if (one === undefined || other === undefined) return one === other ? undefined : 'the chain is not there';
  const ways = waysOf(one);
  const others = waysOf(other);
  const node = firstApart(ways, others) ?? firstApart(others, ways);
  if (node !== undefined) return node;
  const left = { ...observe(one.context), outside: outsideOf(one), outcome: outcomes(one), replies: repliesOf(one) };
  const now = {
    ...observe(other.context),
    outside: outsideOf(other),
    outcome: outcomes(other),
    replies: repliesOf(other),
  };
  return Object.keys(left).find((key) => {
    const what = key as keyof typeof left;
    return canonicalJson(left[what]) !== canonicalJson(now[what]);
  });
}

/** Where the first way that the other side has not leaves those that it has. */
function firstApart(ways: readonly string[][], others: readonly string[][]): string | undefined {
  const known = new Set(others.map((way) => way.join('\n')));
  const way = ways.find((one) => !known.has(one.join('\n')));
  if (way === undefined) return undefined;
  const shared = others.map((other) => way.findIndex((word, at) => other[at] !== word));
  // A way that only ends sooner than another one parts from it at its last node.
  const at = Math.max(0, ...shared.map((first) => (first < 0 ? way.length - 1 : first)));
  return way[at - (at % 2)] ?? way[0] ?? 'the beginning';
}

const outcomes = ({ runs }: Rehearsal): string => runs.map(({ result }) => result.outcome).join(', ');
const repliesOf = ({ context }: Rehearsal): unknown => context.replies;

function tell(rehearsal: Rehearsal | undefined): string {
  if (rehearsal === undefined) return 'there is no such chain';
  const way = waysOf(rehearsal).map((path) => path.join(' > '));
  return `${outcomes(rehearsal)}: ${way.join('; ') || 'no node'}`;
}
