import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const path = '/api/gridmoor/chains/main';
const answers = { [`PUT ${path}`]: { body: { generation: 'g1', canary: false } } };

function folderWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-push-'));
  writeFileSync(join(folder, 'main.json'), text);
  return folder;
}

describe('chain push', () => {
  it('sends every number with the digits that the file has, and no byte order mark', async () => {
    await using api = await startApi(answers);
    const numbers = '[9007199254740993,1.0,12345678901234567890,1E3]';
    const cwd = folderWith(`\ufeff{"name":"main","nodes":{"a":{"config":${numbers}}}}`);
    const ran = await runCli(['chain', 'push', 'main.json'], { cwd, env: api.env });
    expect(ran).toEqual({ code: 0, stdout: '"main" is in force (g1).\n', stderr: '' });
    expect(api.asked.at(-1)?.text).toBe(`{"name":"main","nodes":{"a":{"config":${numbers}}}}`);
  });

  it('refuses a key that stands twice, by name and place, before it asks anyone', async () => {
    await using api = await startApi(answers);
    const cwd = folderWith('{"name":"main","nodes":{"a":{"kind":"x"},\n  "a":{"kind":"y"}}}');
    const ran = await runCli(['chain', 'push', 'main.json'], { cwd, env: api.env });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(
      'main.json: /nodes/a: error: the key stands twice in its object, again at line 2, column 3',
    );
    expect(api.asked).toEqual([]);
  });
});
