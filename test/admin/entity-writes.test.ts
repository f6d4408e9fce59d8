import { afterAll, beforeAll, expect, it } from 'vitest';
import { CUPS, type Harness, startHarness } from './harness.ts';

let harness: Harness;
let device: { entityType: string; id: string };
beforeAll(async () => {
  harness = await startHarness();
  device = { entityType: 'DEVICE', id: (await harness.device('m1')).id };
});
afterAll(() => harness[Symbol.asyncDispose]());

const api = async (method: 'GET' | 'POST' | 'DELETE', url: string, body?: unknown) => harness.api(method, url, body);
const get = async (url: string) => (await api('GET', url)).json();
const asset = async (name: string) => (await api('POST', '/api/asset', { name, type: 'Building' })).json();
const query = (from: { entityType: string; id: string }, to: { entityType: string; id: string }, type: string) =>
  `fromId=${from.id}&fromType=${from.entityType}&toId=${to.id}&toType=${to.entityType}&relationType=${type}`;

it('assets are created once a name, read and deleted with their relations', async () => {
  const made = await asset('Town hall');
  expect(made).toMatchObject({ id: { entityType: 'ASSET' }, name: 'Town hall', type: 'Building' });
  expect((await asset('Town hall')).code).toBe('NAME_TAKEN');
  expect(await get(`/api/asset/${made.id.id}`)).toEqual(made);
  await api('POST', '/api/relation', { from: made.id, to: device, type: 'Contains' });
  expect((await api('DELETE', `/api/asset/${made.id.id}`)).statusCode).toBe(200);
  expect((await get(`/api/asset/${made.id.id}`)).code).toBe('NOT_FOUND');
  expect(await get(`/api/relations?toId=${device.id}&toType=DEVICE`)).toEqual([]);
});

it('relations are added, seen and removed; a repeat changes nothing', async () => {
  const { id: from } = await asset('School');
  const body = { from, to: device, type: 'Contains', typeGroup: 'COMMON' };
  for (const url of ['/api/relation', '/api/v2/relation']) {
    expect((await api('POST', url, body)).json()).toEqual(body);
  }
  expect(await get(`/api/relations?fromId=${from.id}&fromType=ASSET`)).toEqual([body]);
  expect(await get(`/api/relations/from/ASSET/${from.id}`)).toEqual([body]);
  expect(await get(`/api/relations/to/DEVICE/${device.id}/Contains`)).toEqual([body]);
  expect(await get(`/api/relations/to/DEVICE/${device.id}/Other`)).toEqual([]);
  expect(await get(`/api/relation?${query(from, device, 'Contains')}`)).toEqual(body);
  expect((await get(`/api/relation?${query(from, device, 'Other')}`)).code).toBe('NOT_FOUND');
  const url = `/api/relation?${query(from, device, 'Contains')}&typeGroup=COMMON`;
  expect((await api('DELETE', url)).statusCode).toBe(200);
  expect((await api('DELETE', url)).statusCode).toBe(404);
  const nobody = { entityType: 'DEVICE', id: '00000000-0000-0000-0000-000000000000' };
  expect((await api('POST', '/api/relation', { ...body, to: nobody })).statusCode).toBe(404);
});

it('what attachments are made of is neither created nor deleted by hand', async () => {
  const supplier = await harness.supplier('Sol');
  const attach = { supplier: 'Sol', supplyPoint: CUPS, grid: { code: '1234', name: 'Grid' } };
  expect((await api('POST', '/api/gridmoor/attachments/m1/move', attach)).statusCode).toBe(200);
  const from = { entityType: 'ASSET', id: supplier.id };
  const body = { from, to: device, type: 'Supplies' };
  expect((await api('POST', '/api/relation', body)).json().at).toBe('type');
  expect((await api('DELETE', `/api/relation?${query(from, device, 'Supplies')}`)).statusCode).toBe(400);
  expect((await api('DELETE', `/api/asset/${supplier.id}`)).statusCode).toBe(400);
  expect((await api('POST', '/api/asset', { name: 'x', type: 'PowerSupplier' })).json().at).toBe('type');
  await api('POST', '/api/relation', { from, to: device, type: 'Contains' });
  expect((await api('DELETE', `/api/relations?entityId=${device.id}&entityType=DEVICE`)).statusCode).toBe(200);
  const left = await get(`/api/relations?toId=${device.id}&toType=DEVICE`);
  expect(left.map(({ type }: { type: string }) => type)).toEqual(['Feeds', 'Supplies']);
});
