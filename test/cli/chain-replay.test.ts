import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RecordedMsg, recordedLine, recordingHeader } from '../../src/rules/recording.ts';
import { runCli } from './run-cli.ts';

const message = (number: number, data: Record<string, number>): RecordedMsg => ({
  at: 1_750_000_000_000 + number,
  from: `meter-${number % 3}`,
  profile: 'smart-meter',
  type: 'POST_TELEMETRY_REQUEST',
  metadata: { ts: String(1_750_000_000_000 + number) },
  data,
});
const TRAFFIC = Array.from({ length: 30 }, (_, number) => message(number, { voltage: 220 + number }));
const recording = (messages: readonly RecordedMsg[]): string =>
  `${recordingHeader()}${messages.map((one) => `${recordedLine(one)}\n`).join('')}`;

const chain = (limit: number, save: object = {}) => ({
  name: 'main',
  root: true,
  first: 'high',
  nodes: {
    high: {
      kind: 'filter/conditions',
      config: { conditions: { all: [{ fact: 'msg', path: '$.voltage', operator: 'greaterThan', value: limit }] } },
      to: { True: 'mark', False: 'save' },
    },
    mark: { kind: 'transform/set-keys', config: { msg: { high: 'yes' } }, to: { Success: 'save' } },
    save: { kind: 'action/save-telemetry', ...save },
  },
});

function folder(files: Readonly<Record<string, unknown>>): string {
  const cwd = mkdtempSync(join(tmpdir(), 'gridmoor-replay-'));
  for (const [name, value] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), typeof value === 'string' ? value : JSON.stringify(value));
  }
  return cwd;
}

const replay = (cwd: string, ...flags: string[]) =>
  runCli(['chain', 'replay', 'traffic.ndjson', '--old', 'old', '--new', 'new', ...flags], { cwd });

describe('chain replay', () => {
  it('shows only messages that come out differently, grouped by the first node that differs', async () => {
    const cwd = folder({ 'traffic.ndjson': recording(TRAFFIC), 'old/m.json': chain(239), 'new/m.json': chain(244) });
    const ran = await replay(cwd);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toBe(
      [
        '5 of 30 messages come out differently',
        '',
        'high: 5',
        ...[21, 22, 23, 24, 25].flatMap((number) => [
          `  ${number}: meter-${(number - 1) % 3} POST_TELEMETRY_REQUEST at ${new Date(1_750_000_000_000 + number - 1).toISOString()}`,
          '    before processed: high > True > mark > Success > save > Success',
          '           leaves by True',
          '    after  processed: high > False > save > Success',
          '           leaves by False',
        ]),
        '',
      ].join('\n'),
    );
  });

  it('sees a write that differs on the same way', async () => {
    const cwd = folder({ 'traffic.ndjson': recording(TRAFFIC), 'old/m.json': chain(0), 'new/m.json': chain(0) });
    const nodes = { ...chain(0).nodes, mark: { ...chain(0).nodes.mark, config: { msg: { high: 'no' } } } };
    writeFileSync(join(cwd, 'new/m.json'), JSON.stringify({ ...chain(0), nodes }));
    const ran = await replay(cwd, '--json');
    const { messages, groups } = JSON.parse(ran.stdout) as {
      messages: number;
      groups: { node: string; differences: unknown[] }[];
    };
    expect(messages).toBe(30);
    expect(groups.map(({ node, differences }) => `${node} ${differences.length}`)).toEqual(['save 30']);
  });

  it('ends with 0 when nothing differs, moved nodes and defaults included', async () => {
    const moved = chain(239, { config: { useServerTs: false } });
    const nodes = Object.fromEntries(Object.entries(moved.nodes).reverse());
    const cwd = folder({
      'traffic.ndjson': recording(TRAFFIC),
      'old/m.json': chain(239),
      'new/m.json': { ...moved, nodes },
    });
    expect(await replay(cwd)).toEqual({ code: 0, stdout: '0 of 30 messages come out differently\n', stderr: '' });
  });

  it('finds the supplier by the pseudonym of its key, and only by one that was good', async () => {
    const onboarding = (key: string, known: object): RecordedMsg => ({
      ...message(1, {}),
      type: 'POST_ATTRIBUTES_REQUEST',
      data: { Power_supplier_secret_key: key, CUPS: 'ES1234123456789012JY' },
      ...known,
    });
    const cwd = folder({
      'traffic.ndjson': recording([
        onboarding('key-good', { known: ['key-good'] }),
        { ...onboarding('key-bad', {}), from: 'meter-2' },
      ]),
    });
    const chains = join(process.cwd(), 'rule-chains');
    cpSync(chains, join(cwd, 'new'), { recursive: true });
    const broken = JSON.parse(readFileSync(join(chains, 'onboarding.json'), 'utf8'));
    broken.nodes.supplier.to.Found = 'refuse';
    broken.nodes['by-type'].to['RPC Queued'] = 'grid';
    writeFileSync(join(cwd, 'new/onboarding.json'), JSON.stringify(broken));
    const ran = await runCli(['chain', 'replay', 'traffic.ndjson', '--old', chains, '--new', 'new', '--json'], { cwd });
    const { groups } = JSON.parse(ran.stdout) as { groups: { node: string; differences: { message: number }[] }[] };
    expect(groups.flatMap(({ differences }) => differences.map((one) => one.message))).toEqual([1]);
  });

  it.each([
    ['no recording', '{"a":1}\n'],
    ['nothing', ''],
    ['a line that is no message', `${recordingHeader()}{"at":1}\n{}\n`],
    ['a prototype', `${recordingHeader()}{"__proto__":{"at":1}}\n[]\n`],
    ['a time beyond all dates', `${recordingHeader()}${recordedLine({ ...message(1, {}), at: 9e15 })}\n{}\n`],
  ])('refuses %s with 2', async (_, text) => {
    const cwd = folder({ 'traffic.ndjson': text, 'old/m.json': chain(1), 'new/m.json': chain(2) });
    expect(await replay(cwd)).toMatchObject({ code: 2, stdout: '' });
  });

  it('leaves out a last line that was cut off, and plays an empty recording', async () => {
    const cut = `${recording(TRAFFIC.slice(0, 2))}{"at":17`;
    const cwd = folder({ 'traffic.ndjson': cut, 'old/m.json': chain(1), 'new/m.json': chain(1) });
    expect((await replay(cwd)).stdout).toBe('0 of 2 messages come out differently\n');
    writeFileSync(join(cwd, 'traffic.ndjson'), recordingHeader());
    expect(await replay(cwd)).toMatchObject({ code: 0 });
  });

  it('needs --old, and files that are there', async () => {
    const cwd = folder({ 'traffic.ndjson': recording(TRAFFIC), 'old/m.json': chain(1) });
    expect(await runCli(['chain', 'replay', 'traffic.ndjson'], { cwd })).toMatchObject({ code: 2 });
    expect(await runCli(['chain', 'replay', 'gone', '--old', 'old'], { cwd })).toMatchObject({ code: 2 });
    expect(await replay(cwd)).toMatchObject({ code: 2 });
  });
});
