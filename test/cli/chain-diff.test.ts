import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

interface Nodes {
  readonly [name: string]: {
    kind: string;
    config?: object;
    to?: Record<string, string | string[]>;
    description?: string;
  };
}
const NODES: Nodes = {
  has: { kind: 'filter/check-fields', config: { msg: ['a'] }, to: { True: 'save', False: 'note' } },
  save: { kind: 'action/save-telemetry' },
  note: { kind: 'action/log', config: { text: 'nothing' } },
};
const chain = (nodes: Nodes = NODES, rest: object = {}) => ({ name: 'main', root: true, first: 'has', nodes, ...rest });
// biome-ignore lint/suspicious/noThenProperty: the word of chain tests
const CASE = { name: 'a reading', when: [{ from: 'm', telemetry: { b: 1 } }], then: {} };

function folder(files: Readonly<Record<string, unknown>>): string {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-diff-'));
  for (const [name, value] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), JSON.stringify(value));
  }
  return cwd;
}

const diff = (now: unknown, ...flags: string[]) =>
  runCli(['chain', 'diff', 'a.json', 'b.json', ...flags], { cwd: folder({ 'a.json': chain(), 'b.json': now }) });

describe('chain diff', () => {
  it.each<[string, object]>([
    [
      'order of nodes and members',
      chain({
        note: { config: { text: 'nothing' }, kind: 'action/log' },
        save: { kind: 'action/save-telemetry' },
        has: { to: { False: 'note', True: 'save' }, config: { msg: ['a'] }, kind: 'filter/check-fields' },
      }),
    ],
    [
      'layout, descriptions, the case of labels',
      chain({
        ...NODES,
        has: {
          ...NODES.has,
          layout: { x: 1, y: 2 },
          description: 'moved',
          to: { true: 'save', FALSE: ['note'] },
        } as never,
      }),
    ],
    [
      'defaults that are written out',
      chain({ ...NODES, save: { kind: 'action/save-telemetry', config: { useServerTs: false } } }),
    ],
    ['a description of the chain', chain(NODES, { description: 'new' })],
  ])('%s make no difference', async (_, now) => {
    expect(await diff(now)).toEqual({ code: 0, stdout: 'The rule chains do the same.\n', stderr: '' });
  });

  it.each<[string, object, string[]]>([
    [
      'a value',
      chain({ ...NODES, note: { kind: 'action/log', config: { text: 'other' } } }),
      ['~ note/config/text: "nothing" -> "other"'],
    ],
    [
      'a member that is new',
      chain({
        ...NODES,
        has: { kind: 'filter/check-fields', config: { msg: ['a'], all: false }, to: { True: 'save', False: 'note' } },
      }),
      ['~ has/config/all: true -> false'],
    ],
    [
      'swapped edges',
      chain({
        ...NODES,
        has: { kind: 'filter/check-fields', config: { msg: ['a'] }, to: { True: 'note', False: 'save' } },
      }),
      ['- has --True--> save', '- has --False--> note', '+ has --True--> note', '+ has --False--> save'],
    ],
    [
      'another kind',
      chain({ ...NODES, note: { kind: 'flow/dead-letter', config: { reason: 'x' } } }),
      [
        '~ note: action/log -> flow/dead-letter',
        '~ note/config/text: "nothing" -> none',
        '~ note/config/reason: none -> "x"',
      ],
    ],
    [
      'a new name',
      chain({
        has: { kind: 'filter/check-fields', config: { msg: ['a'] }, to: { True: 'save', False: 'say' } },
        save: { kind: 'action/save-telemetry' },
        say: { kind: 'action/log', config: { text: 'nothing' } },
      }),
      ['~ note is now named say'],
    ],
    [
      'a new node',
      chain({
        ...NODES,
        save: { kind: 'action/save-telemetry', to: { Success: 'end' } },
        end: { kind: 'flow/dead-letter', config: { reason: 'x' } },
      }),
      ['+ save --Success--> end', '+ end (flow/dead-letter)'],
    ],
    ['the first node', chain(NODES, { first: 'note' }), ['~ first: "has" -> "note"']],
  ])('%s', async (_, now, lines) => {
    const ran = await diff(now);
    expect(ran.code).toBe(1);
    for (const line of lines) expect(ran.stdout).toContain(`  ${line}\n`);
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(lines.length + 1);
  });

  it('with --tests names the cases that come out differently, and where the ways part', async () => {
    const files = { 'before/main.json': chain(), 'before/main.test.json': { cases: [CASE] } };
    const nodes = {
      ...NODES,
      has: { kind: 'filter/check-fields', config: { msg: ['b'] }, to: { True: 'save', False: 'note' } },
    };
    const cwd = folder({ ...files, 'after/main.json': chain(nodes), 'after/main.test.json': { cases: [CASE] } });
    const ran = await runCli(['chain', 'diff', 'before', 'after', '--tests', '--json'], { cwd });
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      same: false,
      chains: [
        { chain: 'main', changes: [{ kind: 'config', node: 'has', at: '/config/msg', from: ['a'], to: ['b'] }] },
      ],
      cases: [
        {
          name: 'a reading',
          at: 'has',
          before: { told: 'processed: has > False > note' },
          after: { told: 'processed: has > True > save' },
        },
      ],
    });
    const markdown = await runCli(['chain', 'diff', 'before', 'after', '--tests', '--markdown'], { cwd });
    expect(markdown.stdout).toContain('### Chain `main`\n\n- changed: `has/config/msg: ["a"] -> ["b"]`\n');
    expect(markdown.stdout).toContain(
      '| main.test.json: a reading | has | processed: has > False > note | processed: has > True > save |',
    );
  });

  it('sees a table that changed', async () => {
    const nodes = { has: { kind: 'onboard/find-grid', config: { table: 'lookups/g.json' } } };
    const grids = (name: string) => ({ grids: [{ code: 'g', name, prefixes: ['01'] }] });
    const cwd = folder({
      'a/m.json': chain(nodes),
      'a/lookups/g.json': grids('North'),
      'b/m.json': chain(nodes),
      'b/lookups/g.json': grids('South'),
    });
    expect(await runCli(['chain', 'diff', 'a', 'b'], { cwd })).toMatchObject({ code: 1, stdout: '~ lookups/g.json\n' });
  });

  it('takes REVISION:path of git, tables and tests included', async () => {
    const cwd = folder({ 'rules/main.json': chain(), 'rules/main.test.json': { cases: [CASE] } });
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd, stdio: 'pipe' });
    git('init', '-q');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
    expect(await runCli(['chain', 'diff', 'HEAD:rules', 'rules', '--tests'], { cwd })).toMatchObject({ code: 0 });
    writeFileSync(join(cwd, 'rules/main.json'), JSON.stringify(chain(NODES, { first: 'note' })));
    const ran = await runCli(['chain', 'diff', 'HEAD:rules/main.json', 'rules/main.json', '--tests'], { cwd });
    expect(ran).toMatchObject({ code: 1, stdout: expect.stringContaining('~ first: "has" -> "note"') });
    expect(ran.stdout).toContain('case main.test.json: a reading');
    expect(await runCli(['chain', 'diff', 'nowhere:rules', 'rules'], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('git could not give it'),
    });
    expect(await runCli(['chain', 'diff', '--', '--output=x:rules', 'rules'], { cwd })).toMatchObject({ code: 2 });
  });

  it('ends with 2 when a side cannot be read, and with one of them only', async () => {
    const cwd = folder({ 'a.json': chain(), 'b.json': [] });
    expect(await runCli(['chain', 'diff', 'a.json', 'b.json'], { cwd })).toMatchObject({ code: 2 });
    expect(await runCli(['chain', 'diff', 'a.json', 'gone.json'], { cwd })).toMatchObject({ code: 2 });
    expect(await runCli(['chain', 'diff', 'a.json'], { cwd })).toMatchObject({ code: 2 });
  });

  it('compares single chains that are not the root', async () => {
    const cwd = folder({
      'a.json': chain(NODES, { root: false }),
      'b.json': chain(NODES, { root: false, first: 'note' }),
    });
    expect(await runCli(['chain', 'diff', 'a.json', 'b.json'], { cwd })).toMatchObject({ code: 1 });
    expect(await runCli(['chain', 'diff', 'a.json', 'b.json', '--tests'], { cwd })).toMatchObject({ code: 2 });
  });
});
