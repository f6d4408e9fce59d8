import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from '../../src/cli/index.ts';
import { runCli } from './run-cli.ts';

const CHAIN = {
  name: 'root',
  root: true,
  first: 'has',
  nodes: {
    has: { kind: 'filter/check-fields', config: { msg: ['a'] }, to: { True: 'save', False: [] } },
    save: { kind: 'action/save-telemetry' },
  },
};
const CASES = {
  // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
  cases: [{ name: 'a reading', when: [{ from: 'm', telemetry: { b: 1 } }], then: { outcome: 'processed' } }],
};

function folder(chain: object = CHAIN, cases: object = CASES): string {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-chains-'));
  writeFileSync(join(cwd, 'root.json'), JSON.stringify(chain));
  writeFileSync(join(cwd, 'root.test.json'), JSON.stringify(cases));
  return cwd;
}

describe('chain test reports', () => {
  it('prints TAP and JUnit alone on standard output', async () => {
    const cwd = folder();
    const tap = await runCli(['chain', 'test', '.', '--tap', '--coverage'], { cwd });
    expect(tap).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^TAP version 14\n1\.\.1\nok 1 - root\.test\.json: a reading\n/),
    });
    expect(tap.stdout).not.toContain('coverage');
    const junit = await runCli(['chain', 'test', '.', '--junit'], { cwd });
    expect(junit.stdout).toMatch(/^<\?xml.*\n<testsuites tests="1" failures="0"/);
  });

  it('says what no case used, and ends with 1 below --min-coverage', async () => {
    const cwd = folder();
    const ran = await runCli(['chain', 'test', '.', '--min-coverage', '80'], { cwd });
    expect(ran.stdout).toContain('root: nodes 1/2, edges 0/1, branches 0/0\n  no case (nodes): save\n');
    expect(ran).toMatchObject({ code: 1, stderr: 'Coverage is 33.3 %, less than 80 %.\n' });
    expect(await runCli(['chain', 'test', '.', '--min-coverage', '30'], { cwd })).toMatchObject({ code: 0 });
    const json = await runCli(['chain', 'test', '.', '--coverage', '--json'], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, coverage: { percent: 33.3 } });
  });

  it.each([
    [['--tap', '--junit'], '--tap and --junit are forms of one report'],
    [['--min-coverage', 'most'], 'is not a number from 0 to 100'],
    [['--min-coverage', ''], 'is not a number from 0 to 100'],
    [['--watch'], '--watch is for a terminal'],
  ])('refuses %j', async (flags, problem) => {
    const ran = await runCli(['chain', 'test', ...flags], { cwd: folder() });
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(problem) });
  });

  it('with --watch runs again when a file changes, and ends with q and the last exit code', async () => {
    const cwd = folder();
    const out: string[] = [];
    let seen = (): void => {};
    const said = (text: string) =>
      new Promise<void>((resolve) => {
        seen = () => (out.join('').includes(text) ? resolve() : undefined);
        seen();
      });
    const code = await cli(['chain', 'test', '.', '--watch'], {
      stdout: {
        write: (text) => {
          out.push(text);
          seen();
        },
      },
      stderr: { write: () => {} },
      stdin: (async function* () {
        await said('1 passed, 0 failed\nwatching');
        writeFileSync(join(cwd, 'root.json'), '{');
        await said('0 passed, 0 failed\nwatching');
        yield 'q\n';
      })(),
      env: {},
      cwd,
      isTty: true,
    });
    expect(code).toBe(1);
    expect(out.join('')).toContain('root.json: error: line 1, column 2');
  });

  it.each(['root.json/x', 'nothing/x'])('with --watch says what is wrong with the path %s', async (path) => {
    const out: string[] = [];
    const code = await cli(['chain', 'test', path, '--watch'], {
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => out.push(text) },
      stdin: (async function* () {
        yield 'q\n';
      })(),
      env: {},
      cwd: folder(),
      isTty: true,
    });
    expect(out.join('')).toContain(`${path}: error`);
    expect(code).toBe(1);
  });
});
