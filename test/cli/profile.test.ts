import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const meter = { name: 'meter', provision: { strategy: 'allow-create-new-devices', key: 'k' } };

function folder(files: Record<string, unknown>): string {
  const cwd = mkdtempSync(join(tmpdir(), 'gm-cli-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, name), JSON.stringify(content));
  return cwd;
}

describe('profile lint', () => {
  it('ends with 0 for the shipped profiles', async () => {
    expect(await runCli(['profile', 'lint'])).toEqual({ code: 0, stdout: 'profiles: fine\n', stderr: '' });
  });

  it('names file, place and the nearest word, and ends with 1', async () => {
    const cwd = folder({ 'a.json': { ...meter, provison: {} } });
    const ran = await runCli(['profile', 'lint', 'a.json'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('a.json: /provison: error: unknown field "provison" (did you mean "provision"?)');
  });

  it('refuses a key that stands twice, by name and line', async () => {
    const cwd = folder({});
    writeFileSync(join(cwd, 'a.json'), `{"history": "1d",\n"history": "2d", ${JSON.stringify(meter).slice(1)}`);
    const ran = await runCli(['profile', 'lint', 'a.json'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain(
      'a.json: /history: error: the key stands twice in its object, again at line 2, column 1',
    );
  });

  it('sees a provision key that stands in two of the named files', async () => {
    const cwd = folder({ 'a.json': meter, 'b.json': { ...meter, name: 'other' } });
    const ran = await runCli(['profile', 'lint', 'a.json', 'b.json', '--json'], { cwd });
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout).issues).toMatchObject([{ file: 'b.json', rule: 'duplicate-key' }]);
  });

  it('lets warnings pass, and with --strict not', async () => {
    const cwd = folder({ 'a.json': { ...meter, provision: { ...meter.provision, secret: 'planted-secret' } } });
    const ran = await runCli(['profile', 'lint', 'a.json'], { cwd });
    expect([ran.code, (await runCli(['profile', 'lint', 'a.json', '--strict'], { cwd })).code]).toEqual([0, 1]);
    expect(ran.stdout).toContain('[literal-secret]');
    expect(ran.stdout).not.toContain('planted-secret');
  });

  it('looks for the chains that profiles name, beside them or in the folder given', async () => {
    const chain = { name: 'meters', root: true, first: 'end', nodes: { end: { kind: 'action/log' } } };
    const files = {
      'a.json': { ...meter, ruleChain: 'meter' },
      'chains.json': chain,
      'b.json': { ...meter, ruleChain: 'meters' },
    };
    const cwd = folder(files);
    const lint = (file: string, chains = 'chains.json') =>
      runCli(['profile', 'lint', file, '--chains', chains], { cwd });
    const ran = await lint('a.json');
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringMatching(/^a.json: \/ruleChain: warning: .*"meter"/)]);
    expect((await lint('b.json')).stdout).toBe('profiles: fine\n');
    expect((await runCli(['profile', 'lint', 'a.json'], { cwd })).stdout).toBe('profiles: fine\n');
    mkdirSync(join(cwd, 'rule-chains'));
    writeFileSync(join(cwd, 'rule-chains', 'chain.json'), JSON.stringify(chain));
    expect((await runCli(['profile', 'lint', 'a.json'], { cwd })).stdout).toContain('[unknown-chain]');
    const missing = await lint('b.json', 'nowhere');
    expect([missing.code, missing.stdout]).toEqual([1, expect.stringContaining('nowhere')]);
  });

  it('ends with 2 for an unknown flag', async () => {
    expect((await runCli(['profile', 'lint', '--jsn'])).code).toBe(2);
  });
});
