import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportOf, TB } from '../helpers/thingsboard-export.ts';
import { runCli } from './run-cli.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/thingsboard');

function folderWith(files: Readonly<Record<string, unknown>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-convert-'));
  mkdirSync(join(folder, 'tb'));
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));
  }
  return folder;
}

const text = (...path: string[]) => readFileSync(join(...path), 'utf8');
const json = (...path: string[]) => JSON.parse(text(...path));
const native = (name: string, more: object = {}) => ({
  name,
  first: 'save',
  nodes: { save: { kind: 'action/save-telemetry' } },
  ...more,
});

describe('chain import', () => {
  it('writes native chains that lint and load, and says where', async () => {
    const cwd = folderWith({
      'tb/old.json': text(FIXTURES, 'legacy-root.json'),
      'tb/b.json': text(FIXTURES, 'called.json'),
    });
    const ran = await runCli(['chain', 'import', 'tb'], { cwd });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('tb/old.json: "Old root" (6 nodes, root) -> rule-chains/old-root.json');
    expect(readdirSync(join(cwd, 'rule-chains'))).toEqual(['called.json', 'old-root.json']);
    expect((await runCli(['chain', 'lint', '--strict', 'rule-chains'], { cwd })).stdout).toBe('rule chains: fine\n');
    const chain = json(cwd, 'rule-chains/old-root.json');
    expect(Object.keys(chain.nodes)).toEqual([
      'Save readings',
      'Save attributes',
      'By type',
      'Log',
      'Drop keys',
      'Called',
    ]);
    expect(chain.nodes['Drop keys']).toMatchObject({ config: { metadata: ['ss_.*'], regex: true } });
    const again = await runCli(['chain', 'import', 'tb'], { cwd });
    expect(again.code).toBe(0);
  });

  it('writes nothing when one chain of many has an error, and reports them all', async () => {
    const bad = exportOf('bad', [{ type: 'transform.TbDeleteKeysNode', name: 'drop', configuration: {} }]);
    const edge = exportOf('far', [], [], { ruleChain: { type: 'EDGE' } });
    const cwd = folderWith({ 'tb/a.json': text(FIXTURES, 'root-chain.json'), 'tb/b.json': bad, 'tb/c.json': edge });
    const ran = await runCli(['chain', 'import', 'tb', '--out', 'out'], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('tb/b.json: /metadata/nodes/0/configuration: error: node "drop"');
    expect(ran.stdout).toContain('tb/c.json: /ruleChain/type: error: "far" is a chain of type EDGE');
    expect(ran.stdout).toContain('Nothing was written.');
    expect(readdirSync(cwd)).toEqual(['tb']);
  });

  it('makes a lone export the root unless the folder has one', async () => {
    const cwd = folderWith({ 'tb/a.json': exportOf('Meters', [TB.series()]) });
    await runCli(['chain', 'import', 'tb/a.json', '--out', 'new'], { cwd });
    expect(json(cwd, 'new/meters.json').root).toBe(true);
    mkdirSync(join(cwd, 'used'));
    writeFileSync(join(cwd, 'used/main.json'), JSON.stringify(native('main', { root: true })));
    await runCli(['chain', 'import', 'tb/a.json', '--out', 'used'], { cwd });
    expect(json(cwd, 'used/meters.json').root).toBeUndefined();
    expect((await runCli(['chain', 'lint', 'used'], { cwd })).code).toBe(0);
  });

  it('refuses the name of a chain that is there, and a file that differs unless forced', async () => {
    const cwd = folderWith({ 'tb/a.json': exportOf('Meters', [TB.series()]), 'tb/other.json': native('other') });
    mkdirSync(join(cwd, 'rule-chains'));
    writeFileSync(join(cwd, 'rule-chains/main.json'), JSON.stringify(native('Meters', { root: true })));
    const taken = await runCli(['chain', 'import', 'tb/a.json'], { cwd });
    expect(taken.stdout).toContain('a chain named "Meters" is already in');
    writeFileSync(join(cwd, 'rule-chains/main.json'), JSON.stringify(native('main', { root: true })));
    writeFileSync(join(cwd, 'rule-chains/meters.json'), JSON.stringify(native('Meters')));
    const stands = await runCli(['chain', 'import', 'tb/a.json'], { cwd });
    expect(stands).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('rule-chains/meters.json: already there'),
    });
    expect((await runCli(['chain', 'import', 'tb/a.json', '--force'], { cwd })).code).toBe(0);
    expect((await runCli(['chain', 'import', 'tb/other.json'], { cwd })).stdout).toContain(
      'in the native form already',
    );
  });

  it('says what stands in the way: a file where the folder shall be, a folder where a chain shall be', async () => {
    const cwd = folderWith({ 'tb/a.json': exportOf('Meters', [TB.series()]), file: 'x' });
    mkdirSync(join(cwd, 'rule-chains/meters.json'), { recursive: true });
    const run = (...flags: string[]) => runCli(['chain', 'import', 'tb/a.json', ...flags], { cwd });
    const file = 'file is a file, not a folder. Nothing was written.\n';
    expect(await run('--out', 'file', '--force')).toEqual({ code: 1, stdout: '', stderr: file });
    const below = 'file/deep cannot be written (ENOTDIR).\n';
    expect(await run('--out', 'file/deep')).toEqual({ code: 1, stdout: '', stderr: below });
    const folder = 'rule-chains/meters.json is a folder: move it away. Nothing was written.\n';
    for (const flags of [[], ['--force']]) {
      expect(await run(...flags)).toEqual({ code: 1, stdout: '', stderr: folder });
    }
  });

  it('warns when there is more than one root chain afterwards, and names them', async () => {
    const root = { ruleChain: { root: true } };
    const cwd = folderWith({
      'tb/a.json': exportOf('A', [TB.series()], [], root),
      'tb/b.json': exportOf('B', [TB.series()], [], root),
    });
    const both = await runCli(['chain', 'import', 'tb'], { cwd });
    expect(both.code).toBe(0);
    expect(both.stderr).toMatch(
      /^rule-chains\/a\.json and rule-chains\/b\.json are root chains, .* do not load: take /,
    );
    const one = await runCli(['chain', 'import', 'tb/a.json', '--out', 'used'], { cwd });
    expect(one).toMatchObject({ code: 0, stderr: '' });
    const beside = await runCli(['chain', 'import', 'tb/b.json', '--out', 'used'], { cwd });
    expect(beside.code).toBe(0);
    expect(beside.stderr).toMatch(/^used\/a\.json and used\/b\.json are root chains/);
    expect((await runCli(['chain', 'lint', 'used'], { cwd })).stdout).toContain('are both the root chain');
    writeFileSync(join(cwd, 'used/root.json'), '{ "rootChain": "A" }');
    const named = await runCli(['chain', 'import', 'tb/b.json', '--out', 'used', '--force'], { cwd });
    expect(named).toMatchObject({ code: 0, stderr: '' });
    expect((await runCli(['chain', 'lint', 'used'], { cwd })).code).toBe(0);
  });

  it('tells of the export that now says everything twice', async () => {
    const cwd = folderWith();
    mkdirSync(join(cwd, 'rule-chains'));
    writeFileSync(join(cwd, 'rule-chains/export.json'), JSON.stringify(exportOf('Meters', [TB.series()])));
    const ran = await runCli(['chain', 'import', 'rule-chains/export.json'], { cwd });
    expect(ran).toMatchObject({ code: 0, stderr: 'Remove rule-chains/export.json: its chains are now there twice.\n' });
  });

  it('gives a report as JSON', async () => {
    const cwd = folderWith({ 'tb/a.json': exportOf('Zähler №1', [TB.series(), TB.mail()]) });
    const ran = await runCli(['chain', 'import', 'tb/a.json', '--json'], { cwd });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      ok: true,
      chains: [{ chain: 'Zähler №1', root: true, nodes: 2, from: 'tb/a.json', to: 'rule-chains/zahler-no1.json' }],
      issues: expect.arrayContaining([expect.objectContaining({ rule: 'not-supported', level: 'warning' })]),
    });
  });

  it.each([
    ['no JSON', '{"ruleChain": ', 'not-json'],
    ['a list', [1], 'wrong-type'],
    [
      '__proto__ as a name',
      '{"ruleChain":{"name":"p"},"metadata":{"nodes":[{"type":"x","name":"__proto__"}]}}',
      undefined,
    ],
    ['an index of another type', exportOf('p', [TB.series()], [], { metadata: { firstNodeIndex: '0' } }), 'wrong-type'],
    ['nodes of another type', exportOf('p', [], [], { metadata: { nodes: [7, null] } }), 'wrong-type'],
    ['a configuration that is a text', exportOf('p', [{ ...TB.series(), configuration: 'x' }]), 'wrong-type'],
    ['a nameless chain', exportOf('', [TB.series()]), 'invalid-value'],
  ])('survives %s', async (_, file, rule) => {
    const cwd = folderWith({ 'tb/a.json': file });
    const ran = await runCli(['chain', 'import', 'tb/a.json', '--json'], { cwd });
    const report = JSON.parse(ran.stdout);
    expect(report.ok).toBe(rule === undefined);
    if (rule) expect(report.issues).toContainEqual(expect.objectContaining({ rule }));
    else expect(Object.keys(json(cwd, 'rule-chains/p.json').nodes)).toEqual(['__proto__']);
  });
});

describe('chain export', () => {
  it('gives the one chain as ThingsBoard exports it', async () => {
    const cwd = folderWith({ 'a.json': native('Meters', { root: true, description: 'All meters.' }) });
    const ran = await runCli(['chain', 'export', 'a.json'], { cwd });
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toEqual({
      ruleChain: {
        additionalInfo: { description: 'All meters.' },
        name: 'Meters',
        type: 'CORE',
        firstRuleNodeId: null,
        root: true,
        debugMode: false,
        configuration: null,
      },
      metadata: {
        firstNodeIndex: 0,
        nodes: [
          {
            additionalInfo: { layoutX: 300, layoutY: 150 },
            type: 'org.thingsboard.rule.engine.telemetry.TbMsgTimeseriesNode',
            name: 'save',
            debugSettings: null,
            singletonMode: false,
            queueName: null,
            configurationVersion: 1,
            configuration: { useServerTs: false, defaultTTL: 0, processingSettings: { type: 'ON_EVERY_MESSAGE' } },
          },
        ],
        connections: [],
        ruleChainConnections: null,
      },
    });
  });

  it('names every node that ThingsBoard has no counterpart of, and writes nothing', async () => {
    const cwd = folderWith();
    const ran = await runCli(['chain', 'export', join(process.cwd(), 'rule-chains'), '--out', 'out'], { cwd });
    expect(ran.code).toBe(1);
    for (const node of ['cups', 'supplier', 'grid', 'attach'])
      expect(ran.stdout).toContain(`node "${node}": ThingsBoard has no`);
    expect(readdirSync(cwd)).toEqual(['tb']);
  });

  it('asks for a folder when there are several chains', async () => {
    const cwd = folderWith({ 'a.json': native('a'), 'b.json': native('b') });
    const ran = await runCli(['chain', 'export', 'a.json', 'b.json'], { cwd });
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('--out <folder> is missing') });
    expect((await runCli(['chain', 'export', 'a.json', 'b.json', '--out', 'out'], { cwd })).code).toBe(0);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['a.json', 'b.json']);
  });
});
