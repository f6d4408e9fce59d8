import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TENANT } from '../../src/model/entity.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const entities = {
  ASSET: async () =>
    (await harness.api('POST', '/api/asset', JSON.stringify({ name: 'B1', type: 'Building' }))).json().id.id,
  CUSTOMER: async () => (await harness.api('POST', '/api/customer', JSON.stringify({ title: 'ACME' }))).json().id.id,
  TENANT: async () => TENANT.id,
};

describe.each(Object.entries(entities))('attributes and telemetry of %s', (type, make) => {
  it('are written, read and deleted under its own path', async () => {
    const id = await make();
    const url = `/api/plugins/telemetry/${type}/${id}`;
    expect((await harness.api('POST', `${url}/SERVER_SCOPE`, '{"limit":42.0}')).statusCode).toBe(200);
    expect((await harness.api('GET', `${url}/values/attributes/SERVER_SCOPE`)).json()).toMatchObject([
      { key: 'limit', value: 42 },
    ]);
    expect((await harness.api('GET', `${url}/keys/attributes`)).json()).toEqual(['limit']);
    expect((await harness.api('DELETE', `${url}/SERVER_SCOPE?keys=limit`)).statusCode).toBe(200);
    expect((await harness.api('GET', `${url}/values/attributes`)).json()).toEqual([]);

    expect((await harness.api('POST', `${url}/timeseries/ANY`, '{"ts":5,"values":{"power":1}}')).statusCode).toBe(200);
    expect((await harness.api('GET', `${url}/values/timeseries`)).json()).toEqual({
      power: [{ ts: 5, value: '1' }],
    });
    expect((await harness.api('GET', `${url}/keys/timeseries`)).json()).toEqual(['power']);
    const deletion = `${url}/timeseries/delete?keys=power&deleteAllDataForKeys=true`;
    expect((await harness.api('DELETE', deletion)).statusCode).toBe(200);
    expect((await harness.api('GET', `${url}/values/timeseries`)).json()).toEqual({});
  });

  it('of one that is not there are 404, of another type too', async () => {
    const device = (await harness.device(`of-${type}`)).id;
    for (const id of ['0193b5f2-0000-7000-8000-000000000000', device]) {
      const url = `/api/plugins/telemetry/${type}/${id}`;
      expect((await harness.api('GET', `${url}/values/timeseries`)).statusCode).toBe(404);
      expect((await harness.api('POST', `${url}/SERVER_SCOPE`, '{"a":1}')).statusCode).toBe(404);
    }
    const url = `/api/plugins/telemetry/${type}/not-a-uuid/values/attributes`;
    expect((await harness.api('GET', url)).statusCode).toBe(400);
  });
});

it('an unknown type of entity is 404', async () => {
  const url = `/api/plugins/telemetry/ALARM/${TENANT.id}/values/attributes`;
  expect((await harness.api('GET', url)).statusCode).toBe(404);
});
