import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const CHAIN = '{"nodes":{"a":{"kind":"action/save-telemetry"}},"first":"a","root":true,"name":"main"}';

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-fmt-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

describe('chain fmt', () => {
  it('writes once, and finds nothing to do the second time', async () => {
    const cwd = folderWith({ 'main.json': `\ufeff${CHAIN}\r\n` });
    expect(await runCli(['chain', 'fmt', '.'], { cwd })).toEqual({
      code: 0,
      stdout: 'written: main.json\n',
      stderr: '',
    });
    expect(readFileSync(join(cwd, 'main.json'), 'utf8')).toMatch(/^\{\n {2}"name": "main",\n/);
    expect(await runCli(['chain', 'fmt', '.'], { cwd })).toEqual({ code: 0, stdout: '1 file: fine\n', stderr: '' });
  });

  it('looks at a file once that is named twice, and says when there is none', async () => {
    const cwd = folderWith({ 'main.json': CHAIN });
    const stdout = 'stale: main.json\n';
    expect(await runCli(['chain', 'fmt', '--check', '.', 'main.json'], { cwd })).toMatchObject({ code: 1, stdout });
    expect((await runCli(['chain', 'fmt', 'none'], { cwd })).stdout).toBe(
      'none: error: there is no such file or folder [unreadable]\n',
    );
  });

  it('with --check writes nothing and ends with 1', async () => {
    const cwd = folderWith({ 'main.json': CHAIN });
    expect(await runCli(['chain', 'fmt', '--check', '.'], { cwd })).toMatchObject({
      code: 1,
      stdout: 'stale: main.json\n',
    });
    expect(readFileSync(join(cwd, 'main.json'), 'utf8')).toBe(CHAIN);
    const json = await runCli(['chain', 'fmt', '--check', '--json', '.'], { cwd });
    expect(JSON.parse(json.stdout)).toEqual({ files: 1, stale: ['main.json'], issues: [] });
  });

  it.each(['[]', '"chain"', '7', 'null', '[{"name":"main"}]'])(
    '%s is no object: said, and left as it is',
    async (text) => {
      const cwd = folderWith({ 'main.json': text });
      const ran = await runCli(['chain', 'fmt', 'main.json'], { cwd });
      expect([ran.code, `${ran.stdout}${ran.stderr}`]).toEqual([1, expect.stringContaining('is no JSON object')]);
      expect(readFileSync(join(cwd, 'main.json'), 'utf8')).toBe(text);
    },
  );

  it('leaves files alone that it cannot read, names them, and formats the others', async () => {
    const cwd = folderWith({
      'a.json': '{"a":1,"a":2}',
      'b.json': new Uint8Array([0x22, 0xff, 0x22]),
      'c.json': CHAIN,
    });
    const ran = await runCli(['chain', 'fmt', '.', 'gone'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('written: c.json');
    expect(ran.stdout).toContain('a.json: /a: error: the key stands twice');
    expect(ran.stdout).toContain('b.json: error: is not UTF-8 text');
    expect(ran.stdout).toContain('gone: error: there is no such file or folder');
    expect(readFileSync(join(cwd, 'a.json'), 'utf8')).toBe('{"a":1,"a":2}');
  });

  it('finds the chains, tests and profiles of the box in their form', async () => {
    expect(await runCli(['chain', 'fmt', '--check'])).toMatchObject({ code: 0, stderr: '' });
  });
});
