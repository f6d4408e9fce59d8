import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const CHAIN = {
  name: 'main',
  root: true,
  first: 'band',
  nodes: {
    band: {
      kind: 'filter/conditions',
      config: {
        conditions: {
          any: [
            { fact: 'msg', path: '$.voltage', operator: 'greaterThan', value: 253 },
            { fact: 'msg', path: '$.frequency', operator: 'lessThan', value: 49.5 },
          ],
        },
      },
      to: { True: 'mark', False: [] },
    },
    mark: { kind: 'transform/set-keys', config: { msg: { band: 'high' } }, to: { Success: 'save' } },
    save: { kind: 'action/save-telemetry' },
  },
};

function folder(chain: object = CHAIN): string {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-explain-'));
  writeFileSync(join(cwd, 'main.json'), JSON.stringify(chain));
  return cwd;
}

const explain = (msg: string, ...flags: string[]) =>
  runCli(['chain', 'explain', 'main.json', '--msg', msg, ...flags], { cwd: folder() });

describe('chain explain', () => {
  it('tells each node with its label, its conditions, and what changed in the message', async () => {
    const ran = await explain('{"telemetry":{"voltage":260.0}}');
    expect(ran.code).toBe(0);
    expect(ran.stdout.replace(/ +\d+\.\d{3} ms/g, ' T ms').split('\n')).toEqual([
      'device-1: POST_TELEMETRY_REQUEST {"voltage":260.0}',
      ' T ms  band (filter/conditions) --True--> mark',
      '               yes  msg $.voltage greaterThan 253 (is 260.0)',
      '               no   msg $.frequency lessThan 49.5 (is missing)',
      ' T ms  mark (transform/set-keys) --Success--> save',
      '               body = {"voltage":260.0,"band":"high"}',
      ' T ms  save (action/save-telemetry) --Success--> the end',
      '  processed',
      'telemetry: {"device-1":{"voltage":260.0,"band":"high"}}',
      '',
    ]);
  });

  it('gives the same as JSON', async () => {
    const ran = await explain('{"from":"m","telemetry":{"voltage":240}}', '--json');
    expect(JSON.parse(ran.stdout)).toMatchObject({
      messages: [
        {
          from: 'm',
          outcome: 'processed',
          steps: [
            {
              node: 'band',
              labels: ['False'],
              conditions: [{ actual: 240, expected: 253, holds: false }, { holds: false }],
            },
          ],
        },
      ],
      left: {},
    });
  });

  it('never shows a secret or a supply point', async () => {
    const key = 'invented key of Sol y Viento';
    const cups = 'ES1234123456789012JY';
    const cwd = folder();
    writeFileSync(join(cwd, 'given.json'), JSON.stringify({ suppliers: [{ name: 'Sol y Viento', keys: [key] }] }));
    writeFileSync(
      join(cwd, 'm.json'),
      JSON.stringify({ attributes: { Power_supplier_secret_key: key, CUPS: cups, nested: { password: 'p4ssw0rd!' } } }),
    );
    const chains = join(process.cwd(), 'rule-chains');
    for (const flags of [[], ['--json']]) {
      const ran = await runCli(['chain', 'explain', chains, '-f', 'm.json', '--given', 'given.json', ...flags], {
        cwd,
      });
      expect(ran.code).toBe(0);
      expect(ran.stdout).toContain('Attached');
      expect(ran.stdout).not.toContain(key);
      expect(ran.stdout).not.toContain(cups);
      expect(ran.stdout).not.toContain('p4ssw0rd!');
    }
  });

  it('reads the message from standard input, and ends with 1 when it is dead-lettered', async () => {
    const chain = {
      name: 'm',
      root: true,
      first: 'no',
      nodes: { no: { kind: 'flow/dead-letter', config: { reason: 'as told' } } },
    };
    const ran = await runCli(['chain', 'explain', '.', '--file', '-'], {
      cwd: folder(chain),
      stdin: '{"type":"A","data":{}}',
    });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('  dead-lettered\n    at m/no: as told\n');
  });

  it('takes a list, in which a message that names no device comes from device-1, with the digits of its numbers', async () => {
    const list =
      '[{"telemetry":{"n":1.50}},{"advance":1000},{"from":"m2","attributes":{"b":2}},{"type":"A","data":{}}]';
    const ran = await explain(list);
    expect(ran.stderr).toBe('');
    expect(ran.stdout.split('\n').filter((line) => /^\S+: [A-Z]/.test(line))).toEqual([
      'device-1: POST_TELEMETRY_REQUEST {"n":1.50}',
      'm2: POST_ATTRIBUTES_REQUEST {"b":2}',
      'device-1: A {}',
    ]);
  });

  it.each([
    ['no message', []],
    ['two messages', ['--msg', '{}', '--file', 'x']],
    ['a file that is not there', ['--file', 'gone.json']],
    ['no JSON', ['--msg', '{']],
    ['a message of nothing', ['--msg', '{}']],
    ['a misspelt member', ['--msg', '{"telemetri":{}}']],
    ['a list of nothing', ['--msg', '[]']],
    ['a text', ['--msg', '"telemetry"']],
    ['a prototype', ['--msg', '{"__proto__":{"telemetry":{}}}']],
  ])('refuses %s with 2', async (_, flags) => {
    const ran = await runCli(['chain', 'explain', 'main.json', ...flags], { cwd: folder() });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).not.toBe('');
  });

  it('names what is wrong with a message', async () => {
    const ran = await explain('{"telemetri":{"a":1}}');
    expect(ran.stderr).toContain('did you mean "telemetry"?');
    expect((await explain('{"telemetry":{"a":1,"a":2}}')).stderr).toContain('the key stands twice in its object');
  });
});
