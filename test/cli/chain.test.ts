import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const chain = (to: string) => ({
  name: 'root',
  root: true,
  first: 'save',
  nodes: {
    save: { kind: 'action/save-telemetry', to: { Success: to } },
    note: { kind: 'action/log', config: { text: 'hi' } },
  },
});

function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-chains-'));
  for (const [name, value] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(value));
  return folder;
}

describe('chain lint', () => {
  it('finds nothing in the shipped chains', async () => {
    expect(await runCli(['chain', 'lint', 'rule-chains'])).toEqual({
      code: 0,
      stdout: 'rule chains: fine\n',
      stderr: '',
    });
  });

  it('ends with 1 and names file, place and repair of a finding', async () => {
    const cwd = folderWith({ 'root.json': chain('nite') });
    const ran = await runCli(['chain', 'lint', '.'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain(
      'root.json: /nodes/save/to/Success: error: there is no node "nite" (did you mean "note"?)',
    );
    const json = await runCli(['chain', 'lint', '.', '--json'], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false });
  });

  it('ends with 0 on warnings alone, with --strict with 1', async () => {
    const cwd = folderWith({ 'root.json': { ...chain('note'), first: 'note' } });
    expect((await runCli(['chain', 'lint', '.'], { cwd })).code).toBe(0);
    const strict = await runCli(['chain', 'lint', '.', '--strict'], { cwd });
    expect(strict.code).toBe(1);
    expect(strict.stdout).toContain('rule chains: 0 errors, 1 warning');
  });

  it('a folder that is not there is a finding', async () => {
    expect(await runCli(['chain', 'lint', 'nowhere'])).toMatchObject({ code: 1 });
  });
});

describe('chain test', () => {
  it('passes all tests of the shipped chains', async () => {
    const ran = await runCli(['chain', 'test', 'rule-chains']);
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toMatch(/\n\d+ passed, 0 failed\n$/);
    expect(ran.code).toBe(0);
  });

  it('shows a difference and ends with 1', async () => {
    const cases = [
      // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
      { name: 'a reading', when: [{ from: 'm', telemetry: { a: 1 } }], then: { outcome: 'dead-lettered' } },
    ];
    const cwd = folderWith({ 'root.json': chain('note'), 'root.test.json': { cases } });
    const ran = await runCli(['chain', 'test', '.'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('FAIL  root.test.json: a reading');
    expect(ran.stdout).toContain('0 passed, 1 failed');
  });

  it('without a test file ends with 1: nothing was shown', async () => {
    const ran = await runCli(['chain', 'test', '.'], { cwd: folderWith({ 'root.json': chain('note') }) });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('nothing was tested');
  });
});

describe('chain graph', () => {
  it('draws the root chain as Mermaid', async () => {
    const ran = await runCli(['chain', 'graph', 'rule-chains']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^flowchart TD\n/);
    const { nodes } = JSON.parse(readFileSync('rule-chains/onboarding.json', 'utf8'));
    for (const name of Object.keys(nodes)) expect(ran.stdout).toContain(`"${name}<br/>`);
  });

  it('draws an SVG with the counts of a running instance', async () => {
    const nodes = [{ node: 'by-type', in: 42, deadLettered: 0, edges: { 'Post telemetry': 40 } }];
    await using api = await startApi({
      'GET /api/gridmoor/chains/onboarding/counters': { body: { chain: 'onboarding', nodes } },
    });
    const env = { GRIDMOOR_ADMIN_KEY: 'k' };
    const ran = await runCli(['chain', 'graph', 'rule-chains', '--svg', '--counters', '--url', api.url], { env });
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toMatch(/^<svg /);
    expect(ran.stdout).toContain('filter/msg-type-switch · 42 in');
    expect(ran.stdout).toContain('>Post telemetry 40<');
    const away = await runCli(['chain', 'graph', '--counters', '--url', 'http://127.0.0.1:1'], { env });
    expect(away.code).toBe(3);
  });

  it('names the chains there are when one is not', async () => {
    const ran = await runCli(['chain', 'graph', 'rule-chains', '--chain', 'nope']);
    expect(ran).toMatchObject({ code: 1, stderr: 'There is no chain "nope". Known: onboarding.\n' });
  });
});
