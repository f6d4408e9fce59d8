import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const ID = '01890000-0000-7000-8000-000000000001';
const device = {
  id: { entityType: 'DEVICE', id: ID },
  name: 'meter-1',
  type: 'smart-meter',
  createdTime: 0,
  label: null,
};
const created = {
  id: ID,
  name: 'meter-1',
  profile: 'smart-meter',
  credentials: { type: 'ACCESS_TOKEN', token: 'made' },
};
const values = `/api/plugins/telemetry/DEVICE/${ID}/values`;

describe('device', () => {
  it('list asks for the page and prints id, name, profile and time', async () => {
    const body = { data: [device], totalElements: 1, hasNext: false };
    await using api = await startApi({ 'GET /api/tenant/devices?page=2&pageSize=5': { body } });
    const ran = await runCli(['device', 'list', '--page', '2', '--page-size', '5'], { env: api.env });
    expect(ran).toEqual({ code: 0, stdout: `${ID}\tmeter-1\tsmart-meter\t1970-01-01T00:00:00Z\n`, stderr: '' });
  });

  it('show brings device, attachment, attributes and latest values together', async () => {
    const attachment = { supplier: { name: 'Sol' }, supplyPoint: 'ES…JY', grid: { name: 'E-distribución' }, since: 0 };
    await using api = await startApi({
      'GET /api/tenant/devices?deviceName=meter-1': { body: device },
      [`GET /api/gridmoor/devices/${ID}/state`]: { body: { state: 'disabled' } },
      [`GET /api/gridmoor/attachments?device=${ID}`]: {
        body: { data: [attachment], totalElements: 1, hasNext: false },
      },
      [`GET ${values}/attributes`]: { body: [{ key: 'model', value: 'GW-1' }] },
      [`GET ${values}/timeseries`]: { body: { power_w: [{ ts: 0, value: '431.5' }] } },
    });
    const ran = await runCli(['device', 'show', 'meter-1'], { env: api.env });
    expect(ran.code).toBe(0);
    for (const line of [
      /state: +disabled$/m,
      /supplier: +Sol$/m,
      /attribute model: +GW-1$/m,
      /latest power_w: +431\.5 at 1970-01-01T00:00:00Z$/m,
    ]) {
      expect(ran.stdout).toMatch(line);
    }
  });

  it('show finds a device by its id, and says when there is none', async () => {
    await using api = await startApi({ [`GET /api/device/${ID}`]: { body: device } });
    const ran = await runCli(['device', 'delete', ID, '--json'], { env: api.env });
    expect(api.asked.map(({ method, url }) => `${method} ${url}`)).toContain(`DELETE /api/device/${ID}`);
    expect(ran.code).toBe(1);
    const none = await runCli(['device', 'show', 'nobody'], { env: api.env });
    expect(none).toMatchObject({ code: 1, stderr: 'There is no device "nobody". Known ones: gridmoor device list\n' });
  });

  it('reset lets a device be activated once more', async () => {
    const answer = { id: ID, name: 'light-0001', state: 'registered' };
    const path = 'POST /api/gridmoor/devices/light-0001/reset-activation';
    await using api = await startApi({ [path]: { body: answer } });
    const ran = await runCli(['device', 'reset', 'light-0001'], { env: api.env });
    expect(ran).toEqual({ code: 0, stdout: 'light-0001 may be activated once more\n', stderr: '' });
    const asJson = await runCli(['device', 'reset', 'light-0001', '--json'], { env: api.env });
    expect(JSON.parse(asJson.stdout)).toEqual(answer);
  });

  it('create sends a token from standard input, never one from the command line', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/devices': { status: 201, body: created } });
    const words = ['device', 'create', 'meter-1', '--profile', 'smart-meter'];
    const ran = await runCli([...words, '--token-file', '-'], { env: api.env, stdin: 'my-token\n' });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^token: +made$/m);
    expect(api.asked[0]?.body).toMatchObject({ credentials: { type: 'ACCESS_TOKEN', token: 'my-token' } });
    expect((await runCli([...words, '--token', 'my-token'], { env: api.env })).code).toBe(2);
  });

  it('create sends MQTT_BASIC parts, and refuses them beside a token', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/devices': { status: 201, body: created } });
    const words = ['device', 'create', 'meter-1', '--profile', 'p', '--user-name', 'u', '--client-id', 'c'];
    await runCli([...words, '--password-file', '-'], { env: api.env, stdin: 'w' });
    const credentials = { type: 'MQTT_BASIC', clientId: 'c', userName: 'u', password: 'w' };
    expect(api.asked[0]?.body).toMatchObject({ credentials });
    expect((await runCli([...words, '--token-file', '-'], { env: api.env })).code).toBe(2);
  });

  it('create says that a token is kept as a hash, and a secret that signs sealed', async () => {
    const signing = { ...created, credentials: { type: 'SIGNED_SECRET', deviceSecret: 'made' } };
    for (const [body, kept] of [
      [created, 'only as a hash'],
      [signing, 'sealed'],
    ] as const) {
      await using api = await startApi({ 'POST /api/gridmoor/devices': { status: 201, body } });
      const ran = await runCli(['device', 'create', 'meter-1', '--profile', 'p'], { env: api.env });
      expect(ran.stderr).toBe(`The credentials are shown this once and kept ${kept}: write it down now.\n`);
    }
  });

  it('create without a profile is a usage error, empty standard input too', async () => {
    expect((await runCli(['device', 'create', 'm'])).stderr).toContain('--profile is missing');
    const ran = await runCli(['device', 'create', 'm', '--profile', 'p', '--token-file', '-'], { stdin: '\n' });
    expect(ran).toMatchObject({ code: 2 });
  });

  it('rotate takes the name as it is', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/devices/meter%201/rotate': { body: created } });
    expect((await runCli(['device', 'rotate', 'meter 1'], { env: api.env })).code).toBe(0);
  });

  it('rotate sends the overlap, the end and credentials of its own', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/devices/m/rotate': { body: created } });
    const words = ['device', 'rotate', 'm', '--grace', '60', '--days', '0.5', '--token-file', '-'];
    const before = Date.now();
    expect((await runCli(words, { env: api.env, stdin: 'my-token' })).code).toBe(0);
    const body = api.asked[0]?.body as { expiresAt: number };
    expect(body).toEqual({
      credentials: { type: 'ACCESS_TOKEN', token: 'my-token' },
      keepFormerMs: 60_000,
      expiresAt: expect.any(Number),
    });
    expect(body.expiresAt - before).toBeGreaterThanOrEqual(43_200_000);
    expect(body.expiresAt - before).toBeLessThan(43_300_000);
    await runCli(['device', 'rotate', 'm', '--grace', '0'], { env: api.env });
    expect(api.asked[1]?.body).toEqual({});
  });

  it.each([
    ['--grace', '-1'],
    ['--grace', '1.5'],
    ['--grace', ''],
    ['--days', '0'],
    ['--days', '1e999'],
    ['--days', 'x'],
  ])('rotate refuses %s %s', async (flag, value) => {
    expect(await runCli(['device', 'rotate', 'm', `${flag}=${value}`])).toMatchObject({ code: 2 });
  });

  it('credentials and revoke show kinds and ends', async () => {
    const body = {
      present: { type: 'ACCESS_TOKEN', createdAt: 0, expiresAt: 86_400_000 },
      former: { type: 'MQTT_BASIC', createdAt: 0 },
    };
    const path = '/api/gridmoor/devices/m/credentials';
    await using api = await startApi({ [`GET ${path}`]: { body }, [`POST ${path}/revoke`]: { body: {} } });
    expect((await runCli(['device', 'credentials', 'm'], { env: api.env })).stdout).toBe(
      'present\tACCESS_TOKEN\t1970-01-01T00:00:00Z\t1970-01-02T00:00:00Z\nformer\tMQTT_BASIC\t1970-01-01T00:00:00Z\t-\n',
    );
    expect(await runCli(['device', 'revoke', 'm'], { env: api.env })).toMatchObject({ code: 0, stdout: '' });
    expect((await runCli(['device', 'revoke', 'm', '--former', '--json'], { env: api.env })).stdout).toBe('{}\n');
    expect(api.asked.slice(1).map((one) => one.body)).toEqual([{ which: 'all' }, { which: 'former' }]);
  });

  it('disable, enable and retire say what the device is then; replace prints the new credentials', async () => {
    const state = (word: string) => ({ body: { id: ID, name: 'meter-1', profile: 'smart-meter', state: word } });
    await using api = await startApi({
      'GET /api/tenant/devices?deviceName=meter-1': { body: device },
      [`POST /api/gridmoor/devices/${ID}/disable`]: state('disabled'),
      [`POST /api/gridmoor/devices/${ID}/enable`]: state('active'),
      [`POST /api/gridmoor/devices/${ID}/retire`]: state('retired'),
      [`POST /api/gridmoor/devices/${ID}/replace`]: {
        body: {
          id: ID,
          name: 'meter-2',
          profile: 'smart-meter',
          credentials: { type: 'ACCESS_TOKEN', token: 'fresh' },
        },
      },
      'GET /api/gridmoor/tombstones?limit=1000': {
        body: { data: [{ name: 'meter-1', deviceId: ID, why: 'replaced', at: 0, by: 'admin-key' }] },
      },
      'DELETE /api/gridmoor/tombstones/meter-1': { status: 204 },
    });
    const said = async (...words: string[]) => (await runCli(['device', ...words], { env: api.env })).stdout;
    expect(await said('disable', 'meter-1')).toBe('meter-1 is disabled\n');
    expect(await said('enable', 'meter-1')).toBe('meter-1 is active\n');
    expect(await said('retire', 'meter-1')).toBe('meter-1 is retired\n');
    expect(await said('replace', 'meter-1', 'meter-2')).toMatch(/fresh/);
    expect(await said('tombstones')).toMatch(/meter-1\t.*\treplaced/);
    expect(await said('lift', 'meter-1')).toBe('meter-1 may be registered again\n');
  });
});
