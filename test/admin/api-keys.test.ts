import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/api-keys';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

it('creating one is 201 with the key; it may read unless a role is given', async () => {
  const answer = await harness.api('POST', URL, { name: 'grafana', ttlSeconds: 60 });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toMatchObject({
    name: 'grafana',
    role: 'read-only',
    secretKey: expect.stringMatching(/^gma_/),
  });
  expect(answer.json().expiresAt).toBeGreaterThan(Date.now());
});

it('the list has no secret and no hash', async () => {
  const made = (await harness.api('POST', URL, { name: 'ops', role: 'operator' })).json();
  const answer = await harness.api('GET', URL);
  expect(answer.json().data.map(({ name }: { name: string }) => name)).toEqual(['grafana', 'ops']);
  expect(answer.body).not.toContain(made.secretKey);
  expect(answer.body).not.toContain('hash');
});

it('the role supplier needs a supplier that exists, no other role has one', async () => {
  const { id } = await harness.supplier('Sol');
  const made = await harness.api('POST', URL, { name: 'portal', role: 'supplier', supplier: 'Sol' });
  expect(made.json()).toMatchObject({ role: 'supplier', supplierId: id });
  expect((await harness.api('GET', URL)).json().data.at(-1)).toMatchObject({ name: 'portal', supplierId: id });
  for (const body of [{ role: 'supplier' }, { role: 'read-only', supplier: 'Sol' }, { supplier: id }]) {
    expect((await harness.api('POST', URL, { name: 'x', ...body })).json()).toMatchObject({
      status: 400,
      at: 'supplier',
    });
  }
  const unknown = await harness.api('POST', URL, { name: 'x', role: 'supplier', supplier: 'nobody' });
  expect(unknown.json()).toMatchObject({ status: 404, code: 'SUPPLIER_NOT_FOUND' });
});

it('a key of a supplier ends like any other: revoked, or by its time', async () => {
  const body = { name: 'portal', role: 'supplier', supplier: 'Sol' };
  const made = (await harness.api('POST', URL, body)).json();
  const list = async () => (await harness.api('GET', '/api/tenant/devices', undefined, made.secretKey)).statusCode;
  expect(await list()).toBe(200);
  await harness.api('DELETE', `${URL}/${made.id}`);
  expect(await list()).toBe(401);
});

it('a role that is none and an id that is no UUID are 400', async () => {
  const role = await harness.api('POST', URL, { name: 'x', role: 'admin' });
  expect(role.json()).toMatchObject({ status: 400, at: 'role', detail: expect.stringContaining('administrator') });
  expect((await harness.api('DELETE', `${URL}/7`)).statusCode).toBe(400);
});
