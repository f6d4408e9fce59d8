import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const keyOf = async (role: string): Promise<string> =>
  (await harness.api('POST', '/api/gridmoor/api-keys', { name: role, role })).json().secretKey;

describe('keys', () => {
  it('are taken in both forms', async () => {
    for (const headers of [
      { 'x-authorization': `ApiKey ${ADMIN_KEY}` },
      { authorization: `Bearer ${ADMIN_KEY}` },
      { authorization: `bearer ${ADMIN_KEY}` },
    ]) {
      expect((await harness.inject({ url: '/api/gridmoor/status', headers })).statusCode).toBe(200);
    }
  });

  it('missing, of another form or wrong are 401 before anything else is looked at', async () => {
    for (const headers of [
      {},
      { authorization: 'Basic YTpi' },
      { authorization: 'Bearer' },
      { authorization: `Bearer ${ADMIN_KEY}x` },
      { authorization: `Bearer ${'x'.repeat(600)}` },
    ]) {
      const answer = await harness.inject({ method: 'POST', url: '/api/gridmoor/suppliers', headers, payload: '{' });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json().code).toBe('UNAUTHORIZED');
    }
  });

  it('of the role read-only read and do nothing else', async () => {
    const key = await keyOf('read-only');
    expect((await harness.api('GET', '/api/gridmoor/suppliers', undefined, key)).statusCode).toBe(200);
    expect((await harness.api('POST', '/api/gridmoor/suppliers', { name: 'x' }, key)).json().code).toBe('FORBIDDEN');
    expect((await harness.api('GET', '/api/gridmoor/audit', undefined, key)).statusCode).toBe(403);
    const { id } = await harness.device('role-1');
    expect((await harness.api('DELETE', `/api/device/${id}`, undefined, key)).statusCode).toBe(403);
  });

  it('of the role operator do all but what hands out secrets', async () => {
    const key = await keyOf('operator');
    const { id } = await harness.device('role-2');
    for (const [method, url, body] of [
      ['POST', '/api/gridmoor/suppliers', { name: 'op' }],
      ['POST', `/api/gridmoor/devices/${id}/rotate`, {}],
      ['POST', '/api/gridmoor/devices', { name: 'op', profile: 'smart-meter' }],
      ['POST', '/api/gridmoor/api-keys', { name: 'op' }],
      ['POST', '/api/device', { name: 'op', type: 'smart-meter' }],
    ] as const) {
      expect([url, (await harness.api(method, url, body, key)).statusCode]).toEqual([url, 403]);
    }
    expect((await harness.api('POST', `/api/plugins/telemetry/${id}/SERVER_SCOPE`, { a: 1 }, key)).statusCode).toBe(
      200,
    );
    expect((await harness.api('DELETE', `/api/device/${id}`, undefined, key)).statusCode).toBe(200);
  });

  it('that are revoked or have expired stop working', async () => {
    const made = (await harness.api('POST', '/api/gridmoor/api-keys', { name: 'short', role: 'operator' })).json();
    expect((await harness.api('GET', '/api/gridmoor/status', undefined, made.secretKey)).statusCode).toBe(200);
    expect((await harness.api('DELETE', `/api/gridmoor/api-keys/${made.id}`)).statusCode).toBe(204);
    expect((await harness.api('GET', '/api/gridmoor/status', undefined, made.secretKey)).statusCode).toBe(401);
    expect((await harness.api('DELETE', `/api/gridmoor/api-keys/${made.id}`)).statusCode).toBe(404);
  });

  it('guessed again and again are held back, while a right one is answered at once', async () => {
    const own = await startHarness({ free: 1, baseMs: 60_000, maxMs: 60_000 });
    expect((await own.api('GET', '/api/gridmoor/status', undefined, 'guess-0')).statusCode).toBe(401);
    let answered = false;
    const held = own.api('GET', '/api/gridmoor/status', undefined, 'guess-1').then((answer) => {
      answered = true;
      return answer.statusCode;
    });
    expect((await own.api('GET', '/api/gridmoor/status')).statusCode).toBe(200);
    expect(answered).toBe(false);
    expect((await own.inject({ url: '/metrics' })).body).toMatch(/refusals_total\{reason="api:bad-key"\} 2/);
    own.core.guessPause.close();
    expect(await held).toBe(401);
    await own[Symbol.asyncDispose]();
  });
});

describe('bad input', () => {
  const suppliers = '/api/gridmoor/suppliers';
  const problem = async (...args: Parameters<Harness['api']>) => {
    const answer = await harness.api(...args);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    return answer.json() as { status: number; code: string; detail: string; at?: string };
  };

  it.each([
    ['malformed JSON', '{"name":', /not JSON/],
    ['nothing', '', /"name" is missing/],
    ['an array', '[]', /must be object, is array/],
    ['a number for a name', '{"name":1}', /must be string, is number/],
    ['deep nesting', `{"name":${'['.repeat(40)}${']'.repeat(40)}}`, /not JSON.*deep/i],
    ['__proto__', '{"name":"x","__proto__":{"role":"administrator"}}', /unknown field "__proto__"/],
    ['a misspelt member', '{"name":"x","secretkey":"y"}', /did you mean "secretKey"/],
  ])('%s is 400 and says what is wrong', async (_name, body, says) => {
    const answer = await problem('POST', suppliers, body);
    expect(answer).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect(answer.detail).toMatch(says);
  });

  it('names the field that is wrong or missing', async () => {
    expect((await problem('POST', suppliers, {})).at).toBe('name');
    expect((await problem('POST', suppliers, { name: '<b>' })).at).toBe('name');
    expect((await problem('POST', '/api/gridmoor/devices', { name: 'x', profile: 'nope' })).at).toBe('profile');
  });

  it('in another encoding or media type is refused', async () => {
    const send = (payload: string | Buffer, type: string) =>
      harness.inject({
        method: 'POST',
        url: suppliers,
        payload,
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': type },
      });
    expect((await send(Buffer.from('{"name":"u16"}', 'utf16le'), 'application/json')).statusCode).toBe(400);
    expect((await send(Buffer.from('{"name":"\xe9"}', 'latin1'), 'application/json')).statusCode).toBe(400);
    expect((await send('name=x', 'application/x-www-form-urlencoded')).statusCode).toBe(415);
    expect((await send('{"name":"x"}', 'nonsense')).statusCode).toBe(415);
  });

  it('of more than 1 MiB is 413', async () => {
    const answer = await problem('POST', suppliers, { name: 'x'.repeat(1_100_000) });
    expect(answer).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
  });

  it('unknown query parameters are refused with the nearest name on own paths, ignored on those of ThingsBoard', async () => {
    const answer = await problem('GET', '/api/gridmoor/attachments?divice=x');
    expect(answer).toMatchObject({ status: 400, detail: expect.stringContaining('did you mean "device"') });
    expect((await harness.api('GET', '/api/tenant/devices?sortProperty=name')).statusCode).toBe(200);
  });

  it.each([
    'page=-1',
    'page=x',
    'page=1.5',
    'page=99999999999999999999',
    'pageSize=0',
    'pageSize=1001',
    'page=1&page=2',
  ])('%s is 400', async (query) => {
    expect((await problem('GET', `/api/gridmoor/suppliers?${query}`)).code).toBe('BAD_REQUEST');
  });

  it('ids that are no UUID are 400, unknown ones 404', async () => {
    expect(await problem('GET', '/api/device/42')).toMatchObject({ status: 400, at: 'id' });
    const nobody = '00000000-0000-0000-0000-000000000000';
    expect(await problem('GET', `/api/device/${nobody}`)).toMatchObject({ status: 404, code: 'DEVICE_NOT_FOUND' });
    expect(await problem('GET', `/api/asset/${nobody}`)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  it('paths that are not offered are 404 with NOT_OFFERED', async () => {
    expect(await problem('GET', '/api/dashboard/x')).toMatchObject({ status: 404, code: 'NOT_OFFERED' });
    expect(await problem('PUT' as 'POST', '/api/device', {})).toMatchObject({ code: 'NOT_OFFERED' });
    for (const path of ['/api/device/types', '/api/asset/types', '/api/deviceProfileInfo/default']) {
      expect(await problem('GET', path), path).toMatchObject({ status: 404, code: 'NOT_OFFERED' });
    }
  });
});

describe('openapi.json', () => {
  it('describes every route with a schema of its answer, as OpenAPI 3.1', async () => {
    const answer = await harness.inject({ url: '/openapi.json' });
    const document = answer.json();
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.entries(document.paths as Record<string, Record<string, { summary?: string }>>).flatMap(
      ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
    );
    expect(operations.length).toBeGreaterThan(35);
    expect(operations.filter(({ summary }) => !summary)).toEqual([]);
    expect(Object.keys(document.paths)).toContain('/api/gridmoor/attachments/{device}/history');
  });
});
