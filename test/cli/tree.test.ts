import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const TREES = '/api/gridmoor/trees';
const M1 = { entity: 'DEVICE:0-1', name: 'm1', type: 'smart-meter' };
const NORTH = { entity: 'ASSET:0-2', name: 'north', type: 'area' };
const GONE = { entity: 'DEVICE:0-3' };

describe('tree', () => {
  it('list names the trees, or those of one node', async () => {
    await using api = await startApi({
      [`GET ${TREES}`]: { body: { data: [{ name: 'grid', createdAt: 0 }] } },
      'GET /api/gridmoor/tree-memberships/DEVICE%3Am%2F1': { body: { data: ['grid', 'b'] } },
    });
    const said = async (...args: string[]) => (await runCli(['tree', 'list', ...args], { env: api.env })).stdout;
    expect(await said()).toBe('grid\t1970-01-01T00:00:00Z\n');
    expect(await said('--of', 'DEVICE:m/1')).toBe('grid\nb\n');
    expect(JSON.parse(await said('--of', 'DEVICE:m/1', '--json'))).toEqual({ data: ['grid', 'b'] });
  });

  it('show and path name nodes as other commands take them, and ids', async () => {
    await using api = await startApi({
      [`GET ${TREES}/grid/nodes?limit=1000`]: { body: { data: [NORTH, GONE] } },
      [`GET ${TREES}/grid/nodes?parent=ASSET%3Aarea%2Fnorth&limit=1000`]: { body: { data: [M1] } },
      [`GET ${TREES}/grid/nodes/DEVICE%3Am1/path`]: { body: { data: [NORTH, M1] } },
    });
    const said = async (...args: string[]) => (await runCli(['tree', ...args], { env: api.env })).stdout;
    expect(await said('show', 'grid')).toBe('ASSET:area/north\t0-2\nDEVICE:0-3\t0-3\n');
    expect(await said('show', 'grid', 'ASSET:area/north')).toBe('DEVICE:m1\t0-1\n');
    expect(await said('path', 'grid', 'DEVICE:m1')).toBe('ASSET:area/north\t0-2\nDEVICE:m1\t0-1\n');
    expect(JSON.parse(await said('path', 'grid', 'DEVICE:m1', '--json'))).toEqual({ data: [NORTH, M1] });
  });

  it('show reads all pages', async () => {
    const page = Array.from({ length: 1_000 }, (_, at) => ({ entity: `DEVICE:${at}` }));
    await using api = await startApi({
      [`GET ${TREES}/grid/nodes?limit=1000`]: { body: { data: page } },
      [`GET ${TREES}/grid/nodes?after=DEVICE%3A999&limit=1000`]: { body: { data: [M1] } },
    });
    expect((await runCli(['tree', 'show', 'grid'], { env: api.env })).stdout.trim().split('\n')).toHaveLength(1_001);
  });

  it('create, add, move, take and delete ask for what they say', async () => {
    await using api = await startApi({
      [`POST ${TREES}`]: { status: 201, body: { name: 'grid', createdAt: 0 } },
      [`POST ${TREES}/grid/nodes`]: { status: 201, body: M1 },
      [`PUT ${TREES}/grid/nodes/DEVICE%3Am1`]: { body: M1 },
      [`DELETE ${TREES}/grid/nodes/DEVICE%3Am1`]: { status: 204, body: '' },
      [`DELETE ${TREES}/grid`]: { status: 204, body: '' },
    });
    const said = async (...args: string[]) => (await runCli(['tree', ...args], { env: api.env })).stdout;
    expect(await said('create', 'grid')).toBe('created grid\n');
    expect(await said('add', 'grid', 'DEVICE:m1', '--parent', 'ASSET:area/north')).toBe('DEVICE:m1 stands in grid\n');
    expect(await said('move', 'grid', 'DEVICE:m1', '--top')).toBe('moved DEVICE:m1\n');
    expect(await said('take', 'grid', 'DEVICE:m1')).toBe('took DEVICE:m1 out of grid\n');
    expect(await said('delete', 'grid')).toBe('deleted grid\n');
    expect(api.asked.map(({ body }) => body)).toEqual([
      { name: 'grid' },
      { entity: 'DEVICE:m1', parent: 'ASSET:area/north' },
      {},
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['add', 'grid', 'DEVICE:m1'],
    ['move', 'grid', 'DEVICE:m1'],
    ['move', 'grid', 'DEVICE:m1', '--top', '--parent', 'DEVICE:m2'],
    ['show'],
    ['path', 'grid'],
  ])('%s %s %s is asked for what is missing, and never guessed', async (...args) => {
    expect(await runCli(['tree', ...args])).toMatchObject({ code: 2 });
  });

  it('a refusal says why', async () => {
    const body = { code: 'BAD_REQUEST', detail: 'a node cannot stand below itself', at: 'parent' };
    await using api = await startApi({ [`PUT ${TREES}/grid/nodes/ASSET%3Aa%2Fb`]: { status: 400, body } });
    const ran = await runCli(['tree', 'move', 'grid', 'ASSET:a/b', '--parent', 'DEVICE:m1'], { env: api.env });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot stand below itself') });
  });
});

describe('tree import and export', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-tree-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const ROWS = [{ entity: 'ASSET:area/north' }, { entity: 'DEVICE:m1', parent: 'ASSET:area/north' }];
  const IMPORT = 'POST /api/gridmoor/import/trees/grid';
  const DONE = { body: { created: 2, changed: 0, known: 0, refused: [] } };

  it.each(['grid.csv', 'grid.json'])('%s goes out and in again', async (file) => {
    await using api = await startApi({
      'GET /api/gridmoor/export/trees/grid': { body: { name: 'grid', rows: ROWS } },
      [IMPORT]: DONE,
    });
    const run = (...args: string[]) => runCli(['tree', ...args], { env: api.env, cwd: dir });
    expect((await run('export', 'grid', file)).stdout).toBe(`${file}: 2 nodes\n`);
    expect((await run('import', 'grid', file)).stdout).toBe(
      'nodes: 2 created, 0 changed, 0 there already, 0 refused\n',
    );
    expect(api.asked.at(-1)?.body).toEqual({ rows: ROWS, existing: 'complete', dryRun: false });
    if (file.endsWith('csv')) {
      expect(await readFile(join(dir, file), 'utf8')).toBe(
        'entity,parent\r\nASSET:area/north,\r\nDEVICE:m1,ASSET:area/north\r\n',
      );
    }
  });

  it('a dry run is one request, and a file that is too long for it is said to be', async () => {
    await using api = await startApi({ [IMPORT]: DONE });
    const run = async (count: number) => {
      const rows = Array.from({ length: count }, (_, at) => `ASSET:a/${at}`);
      await writeFile(join(dir, 'long.csv'), `entity\n${rows.join('\n')}`);
      return runCli(['tree', 'import', 'grid', 'long.csv', '--dry-run'], { env: api.env, cwd: dir });
    };
    expect(await run(1_000)).toMatchObject({ code: 0, stdout: expect.stringContaining('2 would be created') });
    expect(api.asked).toHaveLength(1);
    expect(await run(4_001)).toMatchObject({ code: 1, stderr: expect.stringContaining('--dry-run takes no more') });
  });

  it('a row that names no node is told by its place', async () => {
    await using api = await startApi({ [IMPORT]: DONE });
    await writeFile(join(dir, 'bad.csv'), 'entity,parent\nmeter-1,\nASSET:a/b,top\nASSET:a/c,\n');
    const ran = await runCli(['tree', 'import', 'grid', 'bad.csv'], { env: api.env, cwd: dir });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^bad\.csv: row 2, column entity: .*\nbad\.csv: row 3, column parent: .*\n$/);
    expect(api.asked[0]?.body).toMatchObject({ rows: [{ entity: 'ASSET:a/c' }] });
  });
});
