import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lintChains } from '../../../src/rules/generation.ts';
import { formatText } from '../../../src/rules/tools/format.ts';

interface Node {
  kind: string;
  description?: string;
  config?: Record<string, unknown>;
  to?: Record<string, string | string[]>;
}
interface Chain {
  nodes: Record<string, Node>;
}

const ORIGINAL = readFileSync('rule-chains/onboarding.json', 'utf8');
const LOOKUP = readFileSync('rule-chains/lookups/distributors.json', 'utf8');
const NAMES = Object.keys((JSON.parse(ORIGINAL) as Chain).nodes);
const PAIRS = 200;

/** What engineers do to one node; each leaves a chain that lints. */
const EDITS: Readonly<Record<string, (node: Node, chain: Chain, name: string, word: string) => void>> = {
  describe: (node, _chain, _name, word) => {
    node.description = `Edited: ${word}.`;
  },
  'drop the description': (node) => {
    delete node.description;
  },
  'connect Failure': (node, chain, name) => {
    const last = Object.keys(chain.nodes).at(-1) ?? '';
    if (name !== last && !/reply|dead/.test(node.kind)) node.to = { ...node.to, Failure: last };
  },
  'take the place of log lines': (node, _chain, _name, word) => {
    if (node.kind === 'action/log') node.config = { ...node.config, text: `changed to ${word}` };
    else if (node.kind === 'action/reply') node.config = { body: { onboarding: { status: word } } };
    else node.description = word;
  },
  'follow it by a new node': (node, chain, name, word) => {
    const added = `${name}-${word}`;
    const entries = Object.entries(chain.nodes).flatMap(([key, value]): [string, Node][] =>
      key === name
        ? [
            [key, value],
            [added, { kind: 'action/log', config: { text: word } }],
          ]
        : [[key, value]],
    );
    chain.nodes = Object.fromEntries(entries);
    const label = Object.keys(node.to ?? {})[0] ?? (node.kind.endsWith('-alarm') ? 'False' : 'Success');
    const before = node.to?.[label] ?? [];
    if (!/dead/.test(node.kind)) node.to = { ...node.to, [label]: [...[before].flat(), added] };
  },
};

const edit = fc.record({
  edit: fc.constantFrom(...Object.keys(EDITS)),
  word: fc.constantFrom('north', 'south', 'east', 'west'),
});
const pair = fc.record({
  places: fc.uniqueArray(fc.nat(NAMES.length - 1), { minLength: 2, maxLength: 2 }),
  ours: edit,
  theirs: edit,
});

function edited(at: number, { edit: what, word }: { edit: string; word: string }): string {
  const chain = JSON.parse(ORIGINAL) as Chain;
  const name = NAMES[at] ?? '';
  const node = chain.nodes[name];
  if (node) EDITS[what]?.(node, chain, name, word);
  const formatted = formatText('onboarding.json', JSON.stringify(chain));
  if (!formatted.ok) throw new Error('not formatted');
  return formatted.text;
}

describe('chain fmt and git', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-merge-'));
  const file = join(folder, 'onboarding.json');
  const git = (...args: string[]): string =>
    execFileSync(
      'git',
      ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', ...args],
      {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
      },
    );

  beforeAll(() => {
    execFileSync('mkdir', ['-p', join(folder, 'lookups')]);
    writeFileSync(join(folder, 'lookups/distributors.json'), LOOKUP);
    git('init', '-q', '-b', 'main');
    writeFileSync(file, ORIGINAL);
    git('add', '.');
    git('commit', '-q', '-m', 'base');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(`${PAIRS} pairs of edits to different nodes merge without conflict, lint and stay in form`, async () => {
    const pairs = fc.sample(pair, { numRuns: PAIRS, seed: 20_260_101 });
    for (const { places, ours, theirs } of pairs) {
      const [a = 0, b = 0] = places;
      git('checkout', '-q', '-B', 'theirs', 'main');
      writeFileSync(file, edited(b, theirs));
      git('commit', '-q', '--allow-empty', '-a', '-m', 'theirs');
      git('checkout', '-q', '-B', 'ours', 'main');
      writeFileSync(file, edited(a, ours));
      git('commit', '-q', '--allow-empty', '-a', '-m', 'ours');
      const where = `${NAMES[a]}: ${ours.edit} ${ours.word} | ${NAMES[b]}: ${theirs.edit} ${theirs.word}`;
      try {
        git('merge', '-q', '--no-edit', 'theirs');
      } catch {
        throw new Error(`conflict: ${where}\n${git('diff')}`);
      }
      const merged = readFileSync(file, 'utf8');
      expect(formatText(file, merged), where).toEqual({ ok: true, text: merged });
      const errors = (await lintChains(folder)).filter((issue) => issue.level === 'error');
      expect(errors, where).toEqual([]);
      for (const [at, one] of [
        [a, ours],
        [b, theirs],
      ] as const) {
        const node = (text: string) => (JSON.parse(text) as Chain).nodes[NAMES[at] ?? ''];
        expect(node(merged), where).toEqual(node(edited(at, one)));
      }
    }
  }, 120_000);
});
