import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const PATH = '/api/gridmoor/profiles/a%20b/serials';

describe('serials', () => {
  let dir: string;
  const csv = async (text: string): Promise<string> => {
    const file = join(dir, 'serials.csv');
    await writeFile(file, text);
    return file;
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-serials-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('import reads the first column, with quotes, a heading, a byte order mark and any line end', async () => {
    await using api = await startApi({ [`POST ${PATH}`]: { body: { added: 4, known: 1 } } });
    const file = await csv('\uFEFFSerial;model\r\nrod-1;x\n"rod,2";y\r\n\n"a ""b""",z\n rod-4 \trest\n5');
    const ran = await runCli(['serials', 'import', 'a b', file], { env: api.env });
    expect(api.asked[0]?.body).toEqual({ serials: ['rod-1', 'rod,2', 'a "b"', 'rod-4', '5'] });
    expect(ran.stdout).toBe('added 4, 1 were there already\n');
  });

  it('import sends portions of 500 and adds up what came of them', async () => {
    await using api = await startApi({ [`POST ${PATH}`]: { body: { added: 3, known: 2 } } });
    const file = await csv(Array.from({ length: 1_001 }, (_, at) => `rod-${at}`).join('\n'));
    const ran = await runCli(['serials', 'import', 'a b', file, '--json'], { env: api.env });
    const sizes = api.asked.map(({ body }) => (body as { serials: string[] }).serials.length);
    expect(sizes).toEqual([500, 500, 1]);
    expect(JSON.parse(ran.stdout)).toEqual({ added: 9, known: 6 });
  });

  it('a portion that is refused is named; the command fails', async () => {
    const body = { code: 'BAD_REQUEST', detail: 'a serial is longer than 255 characters' };
    await using api = await startApi({ [`POST ${PATH}`]: { status: 400, body } });
    const ran = await runCli(['serials', 'import', 'a b', await csv('x')], { env: api.env });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/longer than 255 characters.*serials 1 to 1; those before are done/);
    const none = await runCli(['serials', 'import', 'a b', join(dir, 'none.csv')], { env: api.env });
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') });
  });

  it('list walks all pages, and remove says how many were there', async () => {
    await using api = await startApi({
      [`GET ${PATH}?limit=500`]: { body: { data: ['a', 'b'], totalElements: 3, hasNext: true } },
      [`GET ${PATH}?after=b&limit=500`]: { body: { data: ['c'], totalElements: 3, hasNext: false } },
      [`POST ${PATH}/remove`]: { body: { removed: 1 } },
    });
    expect((await runCli(['serials', 'list', 'a b'], { env: api.env })).stdout).toBe('a\nb\nc\n');
    const ran = await runCli(['serials', 'remove', 'a b', await csv('a')], { env: api.env });
    expect(ran.stdout).toBe('removed 1\n');
  });
});
