import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const PATH = '/api/gridmoor/devices/inv%201/config';
const STORED = '{"id":"c1","digest":"abc","setTime":0,"config":{"interval":15.0}}';

describe('deviceconfig', () => {
  let dir: string;
  const put = (text: string | Buffer): Promise<void> => writeFile(join(dir, 'config.json'), text);
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-deviceconfig-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('set sends the object of the file; show prints it with its digest, numbers as they are', async () => {
    await using api = await startApi({ [`PUT ${PATH}`]: { body: STORED }, [`GET ${PATH}`]: { body: STORED } });
    await put('\uFEFF{"interval":15,"parts":[1]}');
    const run = (...args: string[]) => runCli(['deviceconfig', ...args], { env: api.env, cwd: dir });
    const shown = 'id:            c1\nSHA-256:       abc\nset:           1970-01-01T00:00:00Z\n';
    const whole = `${shown}configuration: {"interval":15.0}\n`;
    expect((await run('set', 'inv 1', 'config.json')).stdout).toBe(whole);
    expect(api.asked[0]?.body).toEqual({ interval: 15, parts: [1] });
    expect((await run('show', 'inv 1')).stdout).toBe(whole);
    expect((await run('show', 'inv 1', '--json')).stdout).toContain('"interval": 15.0');
  });

  it('delete forgets it; what is not there is said', async () => {
    await using api = await startApi({ [`DELETE ${PATH}`]: { status: 204, body: '' } });
    const run = (...args: string[]) => runCli(['deviceconfig', ...args], { env: api.env });
    expect((await run('delete', 'inv 1')).stdout).toBe('the configuration of inv 1 is forgotten\n');
    expect(await run('show', 'other')).toMatchObject({ code: 1, stderr: 'NOT_FOUND: There is no such thing.\n' });
  });

  it.each([
    ['{"a":', /is not JSON/],
    ['{"a":1,\n"a":2}', /^config\.json: \/a: the key stands twice in its object, again at line 2, column 1 /],
    ['x'.repeat(70_000), /is larger than 65536 bytes: no more is taken\n$/],
    [Buffer.from('\uFEFF{"a":1}', 'utf16le'), /is not UTF-8: save it as UTF-8\n$/],
    [Buffer.from('{"a":1}', 'utf16le'), /holds NUL bytes: save it as UTF-8\n$/],
  ])('a file that cannot be is refused before anything is sent: %.10s', async (text, problem) => {
    await using api = await startApi({});
    await put(text);
    const ran = await runCli(['deviceconfig', 'set', 'inv 1', 'config.json'], { env: api.env, cwd: dir });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringMatching(problem) });
    expect(api.asked).toEqual([]);
  });
});
