import { afterAll, beforeAll, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { CUPS, type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/suppliers';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const finds = async (key: string) => (await harness.core.suppliers.findByKey(new Secret(key)))?.name;

it('creating one is 201 with id, name and the key, which finds it', async () => {
  const answer = await harness.api('POST', URL, { name: 'Sol' });
  expect(answer.statusCode).toBe(201);
  const made = answer.json();
  expect(Object.keys(made)).toEqual(['id', 'name', 'secretKey']);
  expect(await finds(made.secretKey)).toBe('Sol');
  expect(answer.headers['cache-control']).toBe('no-store');
});

it('a key of the customer is taken, a short one refused', async () => {
  const own = 'a-key-of-our-own-with-enough-characters';
  expect((await harness.api('POST', URL, { name: 'Own', secretKey: own })).json().secretKey).toBe(own);
  const short = await harness.api('POST', URL, { name: 'Short', secretKey: 'short' });
  expect([short.statusCode, short.json().at]).toEqual([400, 'secretKey']);
});

it('a name is given once', async () => {
  await harness.api('POST', URL, { name: 'Twice' });
  const answer = await harness.api('POST', URL, { name: 'Twice' });
  expect([answer.statusCode, answer.json().code]).toEqual([409, 'NAME_TAKEN']);
});

it('the list has names and key ids by name, page by page, and no key', async () => {
  const first = (await harness.api('GET', `${URL}?pageSize=1`)).json();
  expect(first).toMatchObject({ hasNext: true, data: [{ name: 'Own' }] });
  const all = await harness.api('GET', URL);
  expect(all.json().data.map(({ name }: { name: string }) => name)).toEqual(['Own', 'Sol', 'Twice']);
  expect(Object.keys(all.json().data[0].keys[0])).toEqual(['kid', 'notBefore']);
  expect(all.body).not.toContain('hash');
});

it('rotating gives a new key; the former one works for the grace period only', async () => {
  const made = (await harness.api('POST', URL, { name: 'Rot' })).json();
  const graceful = (await harness.api('POST', `${URL}/${made.id}/rotate`, { graceSeconds: 60 })).json();
  expect(graceful.previousKeyUntil).toBeGreaterThan(Date.now());
  expect([await finds(made.secretKey), await finds(graceful.secretKey)]).toEqual(['Rot', 'Rot']);
  const hard = (await harness.api('POST', `${URL}/Rot/rotate`)).json();
  expect([await finds(graceful.secretKey), await finds(hard.secretKey)]).toEqual([undefined, 'Rot']);
  expect((await harness.api('POST', `${URL}/${made.id}/rotate`, { graceSeconds: -1 })).statusCode).toBe(400);
});

it('deleting one is 204, and refused while a device is attached', async () => {
  const { id } = await harness.supplier('Gone');
  const device = await harness.device('held');
  const body = { supplier: 'Gone', supplyPoint: CUPS, grid: { code: '1234', name: 'Grid' } };
  await harness.api('POST', `/api/gridmoor/attachments/${device.id}/move`, body);
  expect((await harness.api('DELETE', `${URL}/${id}`)).json().code).toBe('SUPPLIER_IN_USE');
  await harness.api('DELETE', `/api/gridmoor/attachments/${device.id}`);
  const gone = await harness.api('DELETE', `${URL}/${id}`);
  expect([gone.statusCode, gone.body]).toEqual([204, '']);
  expect((await harness.api('DELETE', `${URL}/${id}`)).json().code).toBe('SUPPLIER_NOT_FOUND');
});
