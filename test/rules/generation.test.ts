import { mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createCounterBook } from '../../src/rules/counters.ts';
import { loadChains } from '../../src/rules/generation.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { actKind, chainText, loadOrThrow, tempFolder, testMsg } from '../helpers/chain-kit.ts';

const SAVE = { kind: 'action/save-telemetry' };
const GRID = { kind: 'onboard/find-grid' };
const good = chainText({ save: SAVE });
const table = (name: string) => JSON.stringify({ grids: [{ code: '1234', name, prefixes: ['1234'] }] });

describe('loadChains', () => {
  it('loads every chain of a folder, and neither tests nor schemas', async () => {
    await using folder = await tempFolder({
      'a.json': good,
      'b.json': chainText({ save: SAVE }, { name: 'b', root: false }),
      'a.test.json': 'no chain',
      'chain.schema.json': 'no chain',
      '.hidden.json': 'no chain',
      'notes.txt': 'no chain',
    });
    const generation = await loadOrThrow(folder.path);
    expect([...generation.chains.keys()]).toEqual(['main', 'b']);
    expect(generation.root.name).toBe('main');
  });

  it('takes single files', async () => {
    await using folder = await tempFolder({ 'a.json': good, 'bad.json': '{' });
    expect((await loadChains(folder.file('a.json'))).ok).toBe(true);
    expect((await loadChains([folder.file('a.json'), folder.file('bad.json')])).ok).toBe(false);
  });

  it('refuses everything when one file is bad', async () => {
    await using folder = await tempFolder({ 'a.json': good, 'b.json': '{"name":"b"}' });
    const loaded = await loadChains(folder.path);
    expect(loaded).toMatchObject({ ok: false, issues: [{ file: folder.file('b.json') }, { rule: 'missing-field' }] });
  });

  it('gives warnings with the generation', async () => {
    await using folder = await tempFolder({ 'a.json': chainText({ save: SAVE, lost: SAVE }) });
    expect((await loadOrThrow(folder.path)).warnings).toMatchObject([{ rule: 'unreachable', level: 'warning' }]);
  });

  it('has one id for one content, and another when a chain or a lookup table changes', async () => {
    await using folder = await tempFolder({ 'a.json': chainText({ grid: GRID }) });
    await mkdir(folder.file('lookups'));
    await folder.write('lookups/distributors.json', table('One'));
    const first = await loadOrThrow(folder.path);
    expect((await loadOrThrow(folder.path)).id).toBe(first.id);
    expect(first.files).toEqual([folder.file('a.json'), folder.file('lookups/distributors.json')]);
    await folder.write('lookups/distributors.json', table('Two'));
    expect((await loadOrThrow(folder.path)).id).not.toBe(first.id);
  });

  it('keeps running what it was made of when files change', async () => {
    await using folder = await tempFolder({ 'a.json': chainText({ grid: GRID }) });
    await mkdir(folder.file('lookups'));
    await folder.write('lookups/distributors.json', table('One'));
    const generation = await loadOrThrow(folder.path);
    await folder.write('lookups/distributors.json', 'gone');
    const names: unknown[] = [];
    const msg = testMsg({ metadata: { 'supplyPoint.stem': 'ES1234123456789012JY' } });
    generation.run(msg, createTestContext(), { trace: (step) => names.push(step.labels) });
    expect(names).toEqual([['Found']]);
  });

  it('names the secret keys of all nodes', async () => {
    const key = (from: string) => ({ kind: 'onboard/find-supplier', config: { from }, to: { Found: 'b' } });
    await using folder = await tempFolder({ 'a.json': chainText({ a: key('one'), b: { ...key('two'), to: {} } }) });
    expect([...(await loadOrThrow(folder.path)).secretKeys]).toEqual(['one', 'two']);
  });

  it('counts per node and edge, on over a reload', async () => {
    await using folder = await tempFolder({
      'a.json': chainText({
        'by-type': { kind: 'filter/msg-type-switch', to: { 'post telemetry': 'save' } },
        save: SAVE,
      }),
    });
    const counters = createCounterBook();
    const context = createTestContext();
    const first = await loadOrThrow(folder.path, { counters });
    first.run(testMsg({ data: { a: 1 } }), context);
    const second = await loadOrThrow(folder.path, { counters });
    second.run(testMsg({ data: { a: 1 } }), context);
    second.run(testMsg({ data: {} }), context);
    second.run(testMsg({ type: 'OTHER' }), context);
    expect(second.counters()).toEqual([
      {
        chain: 'main',
        node: 'by-type',
        kind: 'filter/msg-type-switch',
        in: 4,
        failed: 0,
        retried: 0,
        deadLettered: 0,
        edges: { 'post telemetry': 3 },
      },
      {
        chain: 'main',
        node: 'save',
        kind: 'action/save-telemetry',
        in: 3,
        failed: 1,
        retried: 0,
        deadLettered: 1,
        edges: {},
      },
    ]);
  });

  it('runs with the limits it was loaded with', async () => {
    const nodes = { a: { to: { Success: 'b' } }, b: {} };
    await using folder = await tempFolder({ 'a.json': chainText(nodes) });
    const generation = await loadOrThrow(folder.path, {
      kinds: [actKind({})],
      run: { limits: { maxSteps: 1, deadlineMs: 0 } },
    });
    expect(generation.run(testMsg(), createTestContext())).toMatchObject({ letters: [{ node: 'b' }] });
  });
});
