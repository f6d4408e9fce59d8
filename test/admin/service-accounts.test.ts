import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/service-accounts';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

it('creating one is 201 with its secret; it may create devices and read its own unless more is said', async () => {
  const answer = await harness.api('POST', URL, { name: 'rod-app', ttlSeconds: 60, skewSeconds: 300 });
  expect(answer.statusCode).toBe(201);
  const made = answer.json();
  expect(made).toMatchObject({ name: 'rod-app', operations: ['create', 'get-own'], enabled: true, skewSeconds: 300 });
  const listed = await harness.api('GET', URL);
  expect(listed.json().data).toMatchObject([{ name: 'rod-app', accessKey: made.accessKey }]);
  expect(listed.body).not.toContain(made.accessSecret);
  expect(harness.logLines.join('')).not.toContain(made.accessSecret);
});

it('the kill switch, and the way back', async () => {
  await harness.api('POST', URL, { name: 'depot', operations: ['create', 'delete'] });
  expect((await harness.api('POST', `${URL}/depot/disable`)).json()).toMatchObject({ enabled: false });
  expect((await harness.api('POST', `${URL}/depot/enable`)).json()).toMatchObject({ enabled: true });
  expect((await harness.api('DELETE', `${URL}/depot`)).statusCode).toBe(204);
  expect((await harness.api('DELETE', `${URL}/depot`)).statusCode).toBe(404);
});

it.each([
  [{}, 'name'],
  [{ name: 'x', operations: ['everything'] }, 'operations/0'],
  [{ name: 'x', operations: [] }, 'operations'],
  [{ name: 'x', accessKey: 'ak' }, 'accessKey'],
  [{ name: 'x', accessSecret: 'short' }, 'accessSecret'],
  [{ name: 'x', ttlSeconds: 0 }, 'ttlSeconds'],
])('%j is refused at %s', async (body, at) => {
  expect((await harness.api('POST', URL, body)).json()).toMatchObject({ status: 400, at });
});

it('no other role sees or makes one', async () => {
  const key = (await harness.api('POST', '/api/gridmoor/api-keys', { name: 'ops', role: 'operator' })).json().secretKey;
  expect((await harness.api('GET', URL, undefined, key)).statusCode).toBe(403);
  expect((await harness.api('POST', URL, { name: 'mine' }, key)).statusCode).toBe(403);
});
