import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/recordings';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

it('is of one device, by name or id; an unknown one is told as such', async () => {
  const { id } = await harness.device('recorded');
  for (const device of ['recorded', id]) {
    expect((await harness.api('POST', URL, { device, force: true })).statusCode).toBe(200);
  }
  const refused = await harness.api('POST', URL, { device: 'nosuch', force: true });
  expect(refused.json()).toMatchObject({ status: 404, code: 'DEVICE_NOT_FOUND', detail: 'There is no such device.' });
  await harness.api('DELETE', `${URL}/${(await harness.api('POST', URL, { force: true })).json().id}`);
});

it('a second recording is refused while one is running, naming who runs it, unless it is forced', async () => {
  const first = (await harness.api('POST', URL, { seconds: 60 })).json();
  const { key: made, secretKey } = await harness.core.apiKeys.create({
    name: 'night shift',
    role: 'operator',
    by: 'test',
  });
  const key = secretKey.reveal();
  const refused = await harness.api('POST', URL, { seconds: 60 }, key);
  expect([refused.statusCode, refused.json()]).toEqual([
    409,
    expect.objectContaining({ code: 'RECORDING_RUNS', detail: expect.stringMatching(/recording of \S+.* is running/) }),
  ]);
  expect((await harness.api('GET', `${URL}/${first.id}`)).json()).toMatchObject({ state: 'running' });
  const forced = await harness.api('POST', URL, { seconds: 60, force: true }, key);
  expect(forced.statusCode).toBe(200);
  expect((await harness.api('GET', `${URL}/${first.id}`)).statusCode).toBe(404);
  const named = (await harness.api('POST', URL, {})).json().detail;
  expect(named).toContain(`a recording of api-key:${made.id} is running`);
  await harness.api('DELETE', `${URL}/${forced.json().id}`);
  expect((await harness.api('POST', URL, {})).statusCode).toBe(200);
});
