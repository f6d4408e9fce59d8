import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/ota/campaigns';
const NOBODY = '00000000-0000-0000-0000-000000000000';

describe('admin: campaigns', () => {
  let harness: Harness;
  let firmware: string;

  beforeAll(async () => {
    harness = await startHarness();
    const body = { type: 'FIRMWARE', title: 'fw', version: '2.0', url: 'http://127.0.0.1/fw' };
    firmware = (await harness.api('POST', '/api/otaPackage', body)).json().id.id;
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  const start = (more: Record<string, unknown> = {}) =>
    harness.api('POST', URL, { name: 'spring', package: firmware, profile: 'smart-meter', ...more });

  it.each<[string, Record<string, unknown>, number, string]>([
    ['no name', { name: '' }, 400, 'name'],
    ['a package that is no id', { package: 'x' }, 400, 'package'],
    ['a package that is unknown', { package: NOBODY }, 404, 'package'],
    ['a profile that is unknown', { profile: 'nope' }, 400, 'profile'],
    ['a device that is unknown', { devices: ['nobody'] }, 404, 'devices'],
    ['no devices', { devices: [] }, 400, 'devices'],
    ['0 percent', { percent: 0 }, 400, 'percent'],
    ['101 percent', { percent: 101 }, 400, 'percent'],
    ['a time of 0', { timeoutSeconds: 0 }, 400, 'timeoutSeconds'],
    ['11 retries', { retries: 11 }, 400, 'retries'],
    ['half a failure', { maxFailures: 0.5 }, 400, 'maxFailures'],
    ['a member that is none', { speed: 1 }, 400, 'speed'],
    ['__proto__', JSON.parse('{"__proto__":1}') as Record<string, unknown>, 400, '__proto__'],
  ])('%s is refused by name', async (_, more, status, at) => {
    const text = JSON.stringify({ name: 'spring', package: firmware, profile: 'smart-meter', ...more });
    const body = at === '__proto__' ? `${text.slice(0, -1)},"__proto__":1}` : text;
    const answer = await harness.inject({
      method: 'POST',
      url: URL,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      payload: body,
    });
    expect([answer.statusCode, answer.json().at]).toEqual([status, at]);
  });

  it('a campaign is shown with its devices, and deleted when it has ended', async () => {
    const device = await harness.device('meter-1');
    await harness.core.storage.telemetry.save({ entityId: device.id, ts: 1, values: { current_fw_version: '1.0' } });
    const made = (await start()).json();
    expect(made).toMatchObject({ name: 'spring', version: '2.0', targets: 1, timeoutSeconds: 3_600, retries: 0 });
    const one = `${URL}/${made.id}`;
    const queued = async () => (await harness.api('GET', `${one}/devices`)).json().data[0]?.state;
    await expect.poll(queued, { timeout: 20_000 }).toBe('queued');
    expect((await harness.api('DELETE', one)).statusCode).toBe(400);
    expect((await harness.api('POST', `${one}/stop`)).json()).toMatchObject({ ends: 'stopped' });
    const state = async () => (await harness.api('GET', one)).json().state;
    await expect.poll(state, { timeout: 20_000 }).toBe('stopped');
    expect((await harness.api('GET', URL)).json().data).toHaveLength(1);
    expect((await harness.api('DELETE', one)).statusCode).toBe(204);
    expect((await harness.api('GET', one)).statusCode).toBe(404);
  });

  it.each(['x', NOBODY])('the campaign %s is 404', async (id) => {
    expect((await harness.api('GET', `${URL}/${id}`)).statusCode).toBe(404);
    expect((await harness.api('POST', `${URL}/${id}/stop`)).statusCode).toBe(404);
    expect((await harness.api('DELETE', `${URL}/${id}`)).statusCode).toBe(404);
    expect((await harness.api('GET', `${URL}/${NOBODY}/devices?after=x`)).statusCode).toBe(400);
  });
});
