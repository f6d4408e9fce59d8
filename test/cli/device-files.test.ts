import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const IMPORT = 'POST /api/gridmoor/import/devices';
const NONE = { created: 0, changed: 0, known: 0, refused: [] };
const profile = 'smart-meter';

let dir: string;
const put = async (text: string | Buffer, name = 'devices.csv'): Promise<string> => {
  await writeFile(join(dir, name), text);
  return name;
};
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gridmoor-device-files-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('device import', () => {
  const run = async (text: string | Buffer, flags: readonly string[] = [], answer: object = NONE) => {
    await using api = await startApi({ [IMPORT]: { body: answer } });
    const ran = await runCli(['device', 'import', await put(text), ...flags], { env: api.env, cwd: dir });
    return { ...ran, bodies: api.asked.map(({ body }) => body as { rows: readonly object[] }) };
  };

  it('reads every column, in any order, with a byte order mark and any separator', async () => {
    const heading =
      'tree:grid;Name;shared-json:interval;server:site;server-json:limit;Profile;label;gateway;state;tree:b';
    const row = `ASSET:area/north;m1;"{""s"":15}";0012;1234567890;${profile};'=x;TRUE;disabled;top`;
    const { bodies, code, stdout } = await run(`\uFEFF${heading}\r\n${row}\r\n;m2;;;;limited;;;;\r\n`);
    const attributes = { server: { site: '0012', limit: 1234567890 }, shared: { interval: { s: 15 } } };
    const trees = [{ tree: 'grid', parent: 'ASSET:area/north' }, { tree: 'b' }];
    const m1 = { name: 'm1', profile, label: '=x', gateway: true, state: 'disabled', attributes, trees };
    expect(bodies).toEqual([{ rows: [m1, { name: 'm2', profile: 'limited' }], existing: 'complete', dryRun: false }]);
    expect(code).toBe(0);
    expect(stdout).toBe('devices: 0 created, 0 changed, 0 there already, 0 refused\n');
  });

  it('the example of the documentation is read without a finding', async () => {
    const page = await readFile(new URL('../../docs/assets.md', import.meta.url), 'utf8');
    const { bodies, code, stderr } = await run(/^```csv\n([^`]*)```/m.exec(page)?.[1] ?? '');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(bodies[0]?.rows).toHaveLength(2);
  });

  it.each([
    ['name,profil\nm1,x', 'row 1, column 2: there is no column "profil". Did you mean "profile"?'],
    ['name,client:x\nm1,x', 'row 1, column 2: there is no column "client:x". Known: name, profile'],
    ['name,server:\nm1,x', 'row 1, column 2: there is no column "server:"'],
    ['name,name\nm1,m1', 'row 1, column 2: "name" stands twice'],
    ['name,server:a,server-json:a\nm1,1,1', 'row 1, column 3: "server-json:a" stands twice'],
    ['name,\nm1,', 'row 1, column 2: the heading is empty'],
    ['profile\nx', 'the first row needs a column "name"'],
    ['', 'the first row needs a column "name"'],
    ['name,profile\nm1,"x', 'row 2, column 2: the quote that opens the cell is never closed'],
    [Buffer.from('\uFEFFname\nm1', 'utf16le'), 'is not UTF-8: save it as UTF-8'],
    ['[{"name":}]', 'is not JSON'],
    ['[{"name":"m1"},\n{"name":"m2","name":"m3"}]', '/1/name: the key stands twice in its object, again at line 2'],
  ])('a file that is none is refused whole: %j', async (text, problem) => {
    const { bodies, code, stderr } = await run(text);
    expect({ bodies, code }).toEqual({ bodies: [], code: 1 });
    expect(stderr).toContain(problem);
  });

  it.each([
    ['m1,limited,,,,', 'is in row'],
    [',limited,,,,', 'column name: BAD_REQUEST: "name" is missing'],
    ['m2,,,,,', 'column profile: BAD_REQUEST: "profile" is missing'],
    ['m2,limited,yes,,,', 'column gateway: BAD_REQUEST: must be true or false'],
    ['m2,limited,,asleep,,', 'column state: BAD_REQUEST: must be empty or one of registered'],
    ['m2,limited,,,NaN,', 'column server-json:x: BAD_REQUEST: must be JSON'],
    ['m2,limited,,,,north', 'column tree:grid: BAD_REQUEST: must be "top", ASSET:<type>/<name>'],
    [`${'m'.repeat(256)},limited,,,,`, 'column name: BAD_REQUEST: must NOT have more than 255 characters'],
    ['m2,limited', 'column tree:grid: BAD_REQUEST: the row has 2 cells, the heading 6'],
  ])('a row that is none is named by its place and the others are sent: %s', async (row, problem) => {
    const heading = 'name,profile,gateway,state,server-json:x,tree:grid';
    const { bodies, code, stderr } = await run(`${heading}\nm1,limited,,,,\n\n${row}\nm3,limited,,,,\n`);
    expect(bodies[0]?.rows).toEqual([
      { name: 'm1', profile: 'limited' },
      { name: 'm3', profile: 'limited' },
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^devices\.csv: row 4, column /);
    expect(stderr).toContain(problem === 'is in row' ? '"m1" stands in row 2 already: leave one' : problem);
  });

  it('what the broker refuses is told with the row and column of the file, and what to do', async () => {
    const refused = [
      { row: 1, code: 'PROFILE_NOT_FOUND', field: 'profile', detail: 'No such profile.' },
      { row: 2, code: 'NAME_TAKEN', field: 'attributes/server/site', detail: 'is there: "update" changes it' },
      { row: 2, code: 'NOT_FOUND', field: 'trees/grid', detail: 'there is no such tree', partly: true },
    ];
    const text = 'name,profile,server:site,tree:grid\n\nm1,x,a,top\nm2,x,b,top\n';
    const { stderr, stdout, code } = await run(text, [], { created: 1, changed: 2, known: 3, refused });
    expect(stderr.split('\n')).toEqual([
      'devices.csv: row 3, column profile: PROFILE_NOT_FOUND: No such profile.; name a profile that the broker has',
      'devices.csv: row 4, column server:site: NAME_TAKEN: is there: "update" changes it; run it with --update',
      'devices.csv: row 4, column tree:grid: NOT_FOUND: there is no such tree; import the tree before: gridmoor tree import (the rest of the row is written: import it again)',
      '',
    ]);
    expect(stdout).toBe('devices: 1 created, 2 changed, 3 there already, 3 refused\n');
    expect(code).toBe(1);
    const inJson = await run(text, ['--json'], { created: 1, changed: 2, known: 3, refused });
    expect(inJson.stderr).toBe('');
    expect(JSON.parse(inJson.stdout)).toMatchObject({
      dryRun: false,
      created: 1,
      changed: 2,
      known: 3,
      refused: [
        { row: 3, column: 'profile' },
        { row: 4, column: 'server:site' },
        { row: 4, partly: true },
      ],
    });
  });

  it('JSON is known by its first character; its rows are numbered from 1, and numbers keep their digits', async () => {
    const rows = `[{"name":"m1","attributes":{"server":{"limit":1.50}}},{"name":"m2","token":"x"},7,null,{"name":"m1"}]`;
    const { bodies, stderr, code } = await run(`\n${rows}`, ['--profile', 'limited', '--update', '--dry-run']);
    const m1 = { name: 'm1', attributes: { server: { limit: 1.5 } }, profile: 'limited' };
    expect(bodies).toEqual([{ rows: [m1], existing: 'update', dryRun: true }]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/row 2, column token: BAD_REQUEST: unknown field.*\n.*row 3: BAD_REQUEST: must be object/);
    expect(stderr).toMatch(/row 4: .*\n.*row 5, column name: BAD_REQUEST: "m1" stands in row 1/);
  });

  it('goes in portions that a request has room for, and a failure says which', async () => {
    const heading = `name,profile,${Array.from({ length: 60 }, (_, at) => `server:k${at}`).join(',')}\n`;
    const lines = Array.from({ length: 500 }, (_, at) => `m${at},${profile},${'1,'.repeat(59)}1`).join('\n');
    const { bodies } = await run(heading + lines);
    expect(bodies.flatMap(({ rows }) => rows)).toHaveLength(500);
    for (const body of bodies) expect(JSON.stringify(body).match(/":/g)?.length).toBeLessThan(10_000);
    const small = await run(`name,profile\n${Array.from({ length: 201 }, (_, at) => `m${at},x`).join('\n')}`);
    expect(small.bodies.map(({ rows }) => rows.length)).toEqual([100, 100, 1]);
    await using api = await startApi({
      [IMPORT]: { status: 503, body: { code: 'STORE_UNAVAILABLE', detail: 'gone' } },
    });
    const failed = await runCli(['device', 'import', 'devices.csv'], { env: api.env, cwd: dir });
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('gone, in devices 1 to 100; those before'),
    });
  });

  it('a dry run takes on trust what stands under a device of an earlier row', async () => {
    const text = `name,profile,tree:grid,tree:b\ngw,x,top,\nm1,x,DEVICE:gw,DEVICE:gw\nm2,x,DEVICE:m3,\nm3,x,top,\n`;
    const wet = await run(text);
    expect(wet.bodies[0]?.rows[1]).toMatchObject({ trees: [{ tree: 'grid', parent: 'DEVICE:gw' }, { tree: 'b' }] });
    const dry = await run(text, ['--dry-run']);
    expect(dry.bodies[0]?.rows[1]).toMatchObject({ trees: [{ tree: 'b', parent: 'DEVICE:gw' }] });
    expect(dry.bodies[0]?.rows[2]).toMatchObject({ trees: [{ tree: 'grid', parent: 'DEVICE:m3' }] });
  });
});

describe('device export', () => {
  const page = (data: readonly object[], hasNext: boolean) => ({ body: { data, totalElements: 3, hasNext } });
  const EXPORT = 'GET /api/gridmoor/export/devices';
  const query = 'server=site%2Climit&trees=true';
  const m1 = {
    name: '=m1',
    profile,
    label: 'a "b", c',
    gateway: true,
    state: 'active',
    attributes: { server: { site: '0012', limit: 7 }, shared: {} },
    trees: [{ tree: 'grid', parent: 'ASSET:area/north' }],
  };
  const answers = {
    'GET /api/gridmoor/trees': { body: { data: [{ name: 'b' }, { name: 'grid' }] } },
    [`${EXPORT}?${query}&page=0&pageSize=500`]: page([m1], true),
    [`${EXPORT}?${query}&page=1&pageSize=500`]: page([{ name: 'm2', profile, trees: [{ tree: 'b' }] }], false),
  };
  const flags = ['--attributes', 'server:site, server-json:limit', '--trees'];

  it('writes what device import reads, in CSV and in JSON', async () => {
    await using api = await startApi({ ...answers, [IMPORT]: { body: NONE } });
    const run = (...args: string[]) => runCli(['device', ...args], { env: api.env, cwd: dir });
    const csv = await run('export', '-', ...flags);
    expect(csv.stdout.split('\r\n')).toEqual([
      'name,profile,label,gateway,state,server:site,server-json:limit,tree:b,tree:grid',
      `'=m1,${profile},"a ""b"", c",true,active,0012,7,,ASSET:area/north`,
      `m2,${profile},,,,,,top,`,
      '',
    ]);
    expect(await run('export', 'all.json', ...flags, '--json')).toMatchObject({ code: 0 });
    expect((await stat(join(dir, 'all.json'))).mode & 0o777).toBe(0o600);
    await put(csv.stdout, 'all.csv');
    for (const file of ['all.csv', 'all.json']) {
      expect(await run('import', file)).toMatchObject({ code: 0, stderr: '' });
      const { shared: _, ...attributes } = m1.attributes;
      const sent = file === 'all.csv' ? { ...m1, attributes } : m1;
      expect(api.asked.at(-1)?.body).toMatchObject({ rows: [sent, { name: 'm2', profile, trees: [{ tree: 'b' }] }] });
    }
    expect(JSON.parse(await readFile(join(dir, 'all.json'), 'utf8'))).toHaveLength(2);
    expect(await run('export', 'all.json', ...flags)).toMatchObject({ code: 2, stderr: /is there already/ });
  });

  it('a value that is no text is refused in a column of texts, and no half of a file stays', async () => {
    await using api = await startApi({
      [`${EXPORT}?server=limit&page=0&pageSize=500`]: page([m1], false),
    });
    const args = ['device', 'export', 'half.csv', '--attributes', 'server:limit'];
    const ran = await runCli(args, { env: api.env, cwd: dir });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('is no text: export server-json:limit') });
    await expect(stat(join(dir, 'half.csv'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['--attributes', 'client:x'],
    ['--attributes', 'tree:grid'],
    ['--format', 'xml'],
  ])('%s %s is a wrong word', async (...words) => {
    expect(await runCli(['device', 'export', '-', ...words])).toMatchObject({ code: 2 });
  });
});
