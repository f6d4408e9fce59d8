import { expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const id = '01970000-0000-7000-8000-000000000001';
const quiet = {
  'GET /api/gridmoor/messages?device=quiet': { body: { data: [] } },
  'GET /api/gridmoor/messages?device=nosuch': { body: { data: [] } },
  'GET /api/tenant/devices?deviceName=quiet': { body: { id: { entityType: 'DEVICE', id }, name: 'quiet' } },
  [`POST /api/gridmoor/devices/${id}/trace`]: { status: 204 },
};

it('a device without messages that are kept is told apart from one that is not there', async () => {
  await using api = await startApi(quiet);
  const known = await runCli(['explain', 'quiet'], { env: api.env });
  expect(known).toEqual({
    code: 0,
    stdout: '',
    stderr: 'Nothing is known of quiet: see gridmoor explain --help\n',
  });
  for (const flags of [[], ['--json']]) {
    const unknown = await runCli(['explain', 'nosuch', ...flags], { env: api.env });
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^Nothing is known of nosuch: it is no device/);
  }
});

it('--trace traces the device for so long', async () => {
  await using api = await startApi(quiet);
  const ran = await runCli(['explain', 'quiet', '--trace', '60', '--json'], { env: api.env });
  expect(JSON.parse(ran.stdout)).toEqual({ device: id, seconds: 60 });
  expect(api.asked.at(-1)).toMatchObject({ method: 'POST', body: { seconds: 60 } });
});

it.each([
  [['quiet', '--trace', 'abc'], '--trace takes a whole number from 1 to 3600, not "abc".'],
  [['quiet', '--trace', '0'], '--trace takes a whole number from 1 to 3600, not "0".'],
  [['--trace', '60'], '--trace is for one device: name it.'],
])('explain %j is refused before anything is asked', async (args, says) => {
  await using api = await startApi(quiet);
  const ran = await runCli(['explain', ...args], { env: api.env });
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain(says);
  expect(api.asked).toEqual([]);
});
