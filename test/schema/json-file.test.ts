import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJsonFile } from '../../src/schema/json-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'gm-json-'));

function file(name: string, text: string | Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const refusal = async (path: string, limits?: Parameters<typeof readJsonFile>[1]) => {
  const read = await readJsonFile(path, limits);
  return read.ok ? undefined : `${read.issue.rule}: ${read.issue.problem}`;
};

describe('a JSON file', () => {
  it('gives value and text', async () => {
    const read = await readJsonFile(file('a.json', '{"a": [1, 1e3, 42.0, "é"]}\n'));
    expect(read).toMatchObject({ ok: true, value: { a: [1, 1000, 42, 'é'] } });
  });

  it('keeps __proto__ as data', async () => {
    const read = await readJsonFile(file('p.json', '{"__proto__": {"x": 1}}'));
    expect(read.ok && Object.keys(read.value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('names line and column of what is wrong', async () => {
    expect(await refusal(file('l.json', '{\n  "a": 1,\n  "é": 2 3\n}'))).toMatch(
      /^invalid-json: .* at line 3, column 10$/,
    );
  });

  it('may begin with the byte order mark of UTF-8; other encodings are told what to do', async () => {
    expect(await readJsonFile(file('bom.json', '\ufeff{"a": 1}'))).toMatchObject({ ok: true, value: { a: 1 } });
    expect(await refusal(file('empty-bom.json', '\ufeff'))).toBe('empty-file: is empty');
    expect(await readJsonFile(file('utf16.json', Buffer.from('\ufeff{"a": 1}', 'utf16le')))).toMatchObject({
      issue: { rule: 'not-text', hint: 'save it as UTF-8' },
    });
    expect(await readJsonFile(file('latin1.json', Buffer.from('{"a": "é"}', 'latin1')))).toMatchObject({
      issue: { rule: 'invalid-json', hint: 'save it as UTF-8' },
    });
  });

  it('tells a missing file from another fault', async () => {
    expect(await readJsonFile(join(dir, 'none.json'))).toMatchObject({ ok: false, missing: true });
    expect(await readJsonFile(dir)).toMatchObject({ ok: false, missing: false, issue: { rule: 'not-a-file' } });
  });

  it('is refused by size before it is read, and by depth', async () => {
    expect(await refusal(file('big.json', '[]'.padEnd(2_000)), { maxBytes: 1_000 })).toMatch(/^too-large/);
    expect(await refusal(file('deep.json', '[[[]]]'), { maxDepth: 2 })).toMatch(/^invalid-json: .*deep/);
  });

  it.skipIf(process.platform === 'win32')(
    'that is a pipe or a device is refused without waiting for a writer',
    async () => {
      const pipe = join(dir, 'pipe.json');
      execFileSync('mkfifo', [pipe]);
      expect(await refusal(pipe)).toMatch(/^not-a-file/);
      expect(await refusal('/dev/zero')).toMatch(/^not-a-file/);
    },
  );
});
