import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/profiles/smart-meter/serials';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

it('serials are added, listed by pages in their order, and removed', async () => {
  const serials = Array.from({ length: 5 }, (_, at) => `rod-${at}`);
  expect((await harness.api('POST', URL, { serials: [...serials, 'rod-0'] })).json()).toEqual({ added: 5, known: 1 });
  expect((await harness.api('POST', URL, { serials })).json()).toEqual({ added: 0, known: 5 });
  const first = (await harness.api('GET', `${URL}?limit=2`)).json();
  expect(first).toEqual({ data: ['rod-0', 'rod-1'], totalElements: 5, hasNext: true });
  const next = (await harness.api('GET', `${URL}?limit=3&after=rod-1`)).json();
  expect(next).toMatchObject({ data: ['rod-2', 'rod-3', 'rod-4'], hasNext: false });
  expect((await harness.api('POST', `${URL}/remove`, { serials: ['rod-1', 'none'] })).json()).toEqual({ removed: 1 });
});

it.each([[[]], [['']], [[' a']], [['a\nb']], [['a'.repeat(256)]], [[1]], ['a'], [undefined]])(
  'the list %j is refused',
  async (serials) => {
    expect((await harness.api('POST', URL, { serials })).statusCode).toBe(400);
  },
);

it('all or none are added', async () => {
  expect((await harness.api('POST', URL, { serials: ['good', 'b\u0007d'] })).statusCode).toBe(400);
  expect((await harness.api('GET', `${URL}?limit=1000`)).json().data).not.toContain('good');
});

it('an unknown profile is named, and a key that only reads may not look', async () => {
  const unknown = await harness.api('GET', '/api/gridmoor/profiles/none/serials');
  expect(unknown.json()).toMatchObject({ code: 'PROFILE_NOT_FOUND' });
  const reader = { name: 'reader', role: 'read-only' };
  const key = (await harness.api('POST', '/api/gridmoor/api-keys', reader)).json().secretKey;
  expect((await harness.api('GET', URL, undefined, key)).statusCode).toBe(403);
});
