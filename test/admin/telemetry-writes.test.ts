import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

let count = 0;
const newUrl = async () => `/api/plugins/telemetry/DEVICE/${(await harness.device(`w-${++count}`)).id}`;
const series = async (url: string, query = '') => (await harness.api('GET', `${url}/values/timeseries${query}`)).json();
const post = (url: string, body: unknown) => harness.api('POST', `${url}/timeseries/ANY`, body);

describe('POST timeseries', () => {
  it('takes the shapes of devices; what was stored is read at once, with its digits', async () => {
    const url = await newUrl();
    expect((await post(url, '[{"ts":5,"values":{"energy":9007199254740993}},{"state":"on"}]')).statusCode).toBe(200);
    const all = await series(url);
    expect(all.energy).toEqual([{ ts: 5, value: '9007199254740993' }]);
    expect(all.state[0].value).toBe('on');
  });

  it.each(['"text"', '17', '{"ts":"x","values":{}}', '[1]'])('of %s is 400', async (body) => {
    expect((await post(await newUrl(), body)).json().code).toBe('BAD_REQUEST');
  });
});

it('a body of JSON that is called text/plain, as the official Python client does, is taken', async () => {
  const url = await newUrl();
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/plain' };
  const payload = '{"power":42.0}';
  const answer = await harness.inject({ method: 'POST', url: `${url}/timeseries/ANY`, headers, payload });
  expect(answer.statusCode).toBe(200);
  expect((await series(url, '/history?key=power&startTs=0&endTs=9007199254740991')).power[0].value).toBe('42.0');
});

describe('aggregation', () => {
  it('gives one value an interval, oldest first or as asked', async () => {
    const url = await newUrl();
    const samples = [0, 1, 2, 3].map((i) => ({ ts: i * 1_000, values: { p: i } }));
    await post(url, samples);
    const ask = async (query: string) => {
      const found = await series(url, `?keys=p&startTs=0&endTs=4000&${query}`);
      return found.p?.map(({ ts, value }: { ts: number; value: string }) => `${ts}=${value}`);
    };
    expect(await ask('agg=SUM&interval=2000')).toEqual(['1000=1', '3000=5']);
    expect(await ask('agg=AVG&interval=2000&orderBy=DESC')).toEqual(['3000=2.5', '1000=0.5']);
    expect(await ask('agg=MAX&interval=4000')).toEqual(['2000=3']);
    expect(await ask('agg=COUNT&interval=1')).toEqual(['500=1', '1500=1', '2500=1', '3500=1']);
    expect(await ask('agg=MIN&interval=0&limit=2')).toEqual(['3000=3', '2000=2']);
    expect((await harness.api('GET', `${url}/values/timeseries?keys=p&startTs=0&endTs=4&agg=MEDIAN`)).statusCode).toBe(
      400,
    );
  });
});

describe('DELETE timeseries/delete', () => {
  const remove = async (url: string, query: string) =>
    (await harness.api('DELETE', `${url}/timeseries/delete?${query}`)).statusCode;
  const times = async (url: string, key: string) => {
    const found = await series(url, `?keys=${key}&startTs=0&endTs=99&orderBy=ASC`);
    return found[key]?.map(({ ts }: { ts: number }) => ts) ?? [];
  };

  it('removes a range of some keys, or all of them', async () => {
    const url = await newUrl();
    await post(
      url,
      [1, 2, 3].map((ts) => ({ ts, values: { a: ts, b: ts } })),
    );
    expect(await remove(url, 'keys=a&startTs=2&endTs=9&rewriteLatestIfDeleted=true')).toBe(200);
    expect([await times(url, 'a'), await times(url, 'b')]).toEqual([[1], [1, 2, 3]]);
    expect((await series(url)).a).toEqual([{ ts: 1, value: '1' }]);
    expect(await remove(url, 'keys=a,b&deleteAllDataForKeys=true')).toBe(200);
    expect(await series(url)).toEqual({});
  });

  it('without keys or range is refused, and removes nothing', async () => {
    const url = await newUrl();
    await post(url, { ts: 1, values: { a: 1 } });
    expect(await remove(url, 'deleteAllDataForKeys=true')).toBe(400);
    expect(await remove(url, 'keys=a')).toBe(400);
    expect(await remove(url, 'keys=a&startTs=0')).toBe(400);
    expect(await times(url, 'a')).toEqual([1]);
  });
});
