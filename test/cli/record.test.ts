import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const URL = '/api/gridmoor/recordings';
const state = { id: 'r1', state: 'running', messages: 1, dropped: 0 };
const running = {
  [`POST ${URL}`]: { body: state },
  [`GET ${URL}/r1?from=0`]: { body: { ...state, lines: ['{"type":"x"}'] } },
  [`GET ${URL}/r1?from=1`]: { body: { ...state, lines: [] } },
  [`DELETE ${URL}/r1`]: { status: 204 },
};

const folder = () => mkdtempSync(join(tmpdir(), 'gridmoor-record-'));

it('control-C ends a recording on the broker too, and tells how many messages there are', async () => {
  await using api = await startApi(running);
  const cwd = folder();
  const before = process.listenerCount('SIGINT');
  const recording = runCli(['record', 'r.ndjson'], { env: api.env, cwd });
  await expect.poll(() => api.asked.at(-1)?.url, { timeout: 15_000 }).toBe(`${URL}/r1?from=1`);
  process.emit('SIGINT', 'SIGINT');
  expect(await recording).toEqual({ code: 0, stdout: '', stderr: '1 messages recorded, 0 had no room\n' });
  expect(api.asked.at(-1)).toMatchObject({ method: 'DELETE', url: `${URL}/r1` });
  expect(readFileSync(join(cwd, 'r.ndjson'), 'utf8')).toMatch(/\n\{"type":"x"\}\n$/);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

it('a recording to standard output ends when nobody reads it any more', async () => {
  await using api = await startApi(running);
  const outputEnded = AbortSignal.timeout(200);
  expect(await runCli(['record', '-'], { env: api.env, outputEnded })).toMatchObject({ code: 0 });
  expect(api.asked.at(-1)).toMatchObject({ method: 'DELETE', url: `${URL}/r1` });
});

it('a recording that is refused leaves no file that would stand in the way of the next', async () => {
  const problem = { code: 'DEVICE_NOT_FOUND', detail: 'There is no such device.' };
  await using api = await startApi({ [`POST ${URL}`]: { status: 404, body: problem } });
  const cwd = folder();
  for (let time = 0; time < 2; time++) {
    const ran = await runCli(['record', 'r.ndjson', '--device', 'nosuch'], { env: api.env, cwd });
    expect(ran).toEqual({ code: 1, stdout: '', stderr: 'DEVICE_NOT_FOUND: There is no such device.\n' });
    expect(readdirSync(cwd)).toEqual([]);
  }
});

it.each([
  ['--seconds', '0', '1 to 3600'],
  ['--seconds', '3601', '1 to 3600'],
  ['--messages', '0', '1 to 10000'],
])('%s %s is refused before anything is asked or written', async (flag, value, range) => {
  await using api = await startApi(running);
  const cwd = folder();
  const ran = await runCli(['record', 'r.ndjson', flag, value], { env: api.env, cwd });
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain(`${flag} takes a whole number from ${range}, not "${value}".`);
  expect(api.asked).toEqual([]);
  expect(readdirSync(cwd)).toEqual([]);
});
