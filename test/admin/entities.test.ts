import { afterAll, beforeAll, expect, it } from 'vitest';
import { CUPS, type Harness, startHarness } from './harness.ts';

let harness: Harness;
let deviceId: string;
let supplierId: string;
beforeAll(async () => {
  harness = await startHarness();
  deviceId = (await harness.device('m1')).id;
  supplierId = (await harness.supplier('Sol')).id;
  const body = { supplier: 'Sol', supplyPoint: CUPS, grid: { code: '1234', name: 'Grid' } };
  expect((await harness.api('POST', '/api/gridmoor/attachments/m1/move', body)).statusCode).toBe(200);
});
afterAll(() => harness[Symbol.asyncDispose]());

const get = async (url: string) => (await harness.api('GET', url)).json();

it('relations to and from the device are those of its attachment', async () => {
  const to = await get(`/api/relations?toId=${deviceId}&toType=DEVICE`);
  expect(to.map(({ type }: { type: string }) => type).sort()).toEqual(['Feeds', 'Supplies']);
  expect(await get(`/api/relations?toId=${deviceId}&toType=DEVICE&relationType=Supplies`)).toEqual([
    {
      from: { entityType: 'ASSET', id: supplierId },
      to: { entityType: 'DEVICE', id: deviceId },
      type: 'Supplies',
      typeGroup: 'COMMON',
    },
  ]);
  expect((await get(`/api/relations?fromId=${deviceId}&fromType=DEVICE`))[0].type).toBe('Measures');
  const both = `fromId=${supplierId}&fromType=ASSET&toId=${deviceId}&toType=DEVICE`;
  expect(await get(`/api/relations?${both}`)).toHaveLength(1);
});

it.each([
  ['', undefined],
  ['fromId=x&fromType=DEVICE', 'fromId'],
  ['fromType=DEVICE', 'fromId'],
  ['toId=00000000-0000-0000-0000-000000000000', 'toType'],
  ['toId=00000000-0000-0000-0000-000000000000&toType=PLANET', 'toType'],
])('relations with "%s" are 400', async (query, at) => {
  expect(await get(`/api/relations?${query}`)).toMatchObject({ status: 400, ...(at ? { at } : {}) });
});

it('assets are read by id and by type; a supply point is never named in clear', async () => {
  expect(await get(`/api/asset/${supplierId}`)).toMatchObject({
    id: { entityType: 'ASSET', id: supplierId },
    name: 'Sol',
    type: 'PowerSupplier',
  });
  const points = await harness.api('GET', '/api/tenant/assets?type=SupplyPoint&pageSize=10&page=0');
  expect(points.json()).toMatchObject({ totalElements: 1, totalPages: 1, hasNext: false });
  expect(points.body).not.toContain(CUPS);
  expect((await get('/api/tenant/assets')).totalElements).toBe(3);
});

it('an asset is read by its name', async () => {
  expect(await get('/api/tenant/asset?assetName=Sol')).toMatchObject({ id: { id: supplierId }, type: 'PowerSupplier' });
  expect(await get('/api/tenant/assets?assetName=Sol')).toMatchObject({ id: { id: supplierId }, name: 'Sol' });
  expect(await get('/api/tenant/assets?assetName=So')).toMatchObject({ status: 404, at: 'assetName' });
  expect(await get('/api/tenant/asset?assetName=So')).toMatchObject({ status: 404, at: 'assetName' });
  expect(await get('/api/tenant/asset')).toMatchObject({ status: 400, at: 'assetName' });
});
