import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
let url: string;
beforeAll(async () => {
  harness = await startHarness();
  const { id } = await harness.device('m1');
  url = `/api/plugins/telemetry/DEVICE/${id}`;
  const samples = [1, 2, 3].map((ts) => ({ ts, values: { t: ts * 10 } }));
  const exact = { ts: 5, values: { big: 0, text: '0012', flag: true, tree: { a: [1] } } };
  const payload = JSON.stringify([...samples, exact]).replace('"big":0', '"big":9223372036854775807,"half":42.0');
  const posted = await harness.inject({ method: 'POST', url: '/api/v1/token-of-m1/telemetry', payload });
  expect(posted.statusCode).toBe(200);
});
afterAll(() => harness[Symbol.asyncDispose]());

const get = async (path: string) => (await harness.api('GET', `${url}${path}`)).body;

it('latest values are text unless strict types are asked for; numbers keep their digits', async () => {
  expect(await get('/values/timeseries?keys=big,half,text,flag,tree')).toBe(
    '{"big":[{"ts":5,"value":"9223372036854775807"}],"half":[{"ts":5,"value":"42.0"}],"text":[{"ts":5,"value":"0012"}],' +
      '"flag":[{"ts":5,"value":"true"}],"tree":[{"ts":5,"value":"{\\"a\\":[1]}"}]}',
  );
  expect(await get('/values/timeseries?keys=big,half,flag,tree&useStrictDataTypes=true')).toBe(
    '{"big":[{"ts":5,"value":9223372036854775807}],"half":[{"ts":5,"value":42.0}],' +
      '"flag":[{"ts":5,"value":true}],"tree":[{"ts":5,"value":{"a":[1]}}]}',
  );
});

it('without keys are those of all keys; unknown keys are left out', async () => {
  const all = JSON.parse(await get('/values/timeseries'));
  expect(Object.keys(all).sort()).toEqual(['big', 'flag', 'half', 't', 'text', 'tree']);
  expect(JSON.parse(await get('/keys/timeseries')).sort()).toEqual(Object.keys(all).sort());
  expect(await get('/values/timeseries?keys=nothing')).toBe('{}');
});

it('a range is newest first, its end excluded, limited, or in the asked order', async () => {
  const t = async (query: string) =>
    JSON.parse(await get(`/values/timeseries?keys=t&${query}`)).t?.map((point: { value: string }) => point.value);
  expect(await t('startTs=1&endTs=3')).toEqual(['20', '10']);
  expect(await t('startTs=0&endTs=9&limit=1')).toEqual(['30']);
  expect(await t('startTs=0&endTs=9&orderBy=ASC')).toEqual(['10', '20', '30']);
  expect(await t('startTs=7&endTs=9')).toBeUndefined();
  expect(Object.keys(JSON.parse(await get('/values/timeseries?startTs=0&endTs=9')))).toHaveLength(6);
});

it.each([
  ['startTs=1', 'endTs'],
  ['startTs=5&endTs=1', 'endTs'],
  ['startTs=x&endTs=1', 'startTs'],
  ['limit=0', 'limit'],
  ['limit=1000000', 'limit'],
  ['orderBy=UP', 'orderBy'],
  ['startTs=1&endTs=2&agg=MEDIAN', 'agg'],
  ['useStrictDataTypes=yes', 'useStrictDataTypes'],
])('%s is 400 at %s', async (query, at) => {
  const answer = await harness.api('GET', `${url}/values/timeseries?${query}`);
  expect([answer.statusCode, answer.json().at]).toEqual([400, at]);
});

it('of an unknown device is 404', async () => {
  const nobody = url.replace(/[^/]+$/, '00000000-0000-0000-0000-000000000000');
  expect((await harness.api('GET', `${nobody}/values/timeseries`)).json().code).toBe('DEVICE_NOT_FOUND');
});
