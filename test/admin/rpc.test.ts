import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallToDevice } from '../../src/device-api/index.ts';
import { type Harness, startHarness } from './harness.ts';

describe('admin: calls to devices', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness[Symbol.asyncDispose]();
  });

  /** A device that answers each call with what `answer` gives; undefined = not at all. */
  async function device(name: string, answer?: (call: CallToDevice) => string | undefined) {
    const { id } = await harness.device(name);
    const { rpc } = harness.core.deviceApi;
    if (answer) {
      rpc.listen(id, {
        send(call) {
          const text = answer(call);
          if (text !== undefined) queueMicrotask(() => void rpc.answer(id, call.id, Buffer.from(text)));
          return 'delivered';
        },
      });
    }
    return id;
  }
  const post = (url: string, body: unknown) => harness.api('POST', url, body);

  it('the exact text of numbers goes both ways', async () => {
    const id = await device('rpc-exact', ({ params }) => params);
    const answer = await post(`/api/rpc/twoway/${id}`, '{"method":"m","params":{"n":9007199254740993,"x":42.0}}');
    expect([answer.statusCode, answer.body]).toEqual([200, '{"n":9007199254740993,"x":42.0}']);
  });

  it('params may be anything or absent', async () => {
    const id = await device('rpc-params', ({ params }) => params);
    for (const params of ['null', '5', '"t"', '[1]']) {
      expect((await post(`/api/rpc/twoway/${id}`, `{"method":"m","params":${params}}`)).body).toBe(params);
    }
    expect((await post(`/api/rpc/twoway/${id}`, '{"method":"m"}')).body).toBe('null');
  });

  it.each([
    ['rpc', 504, 504],
    ['plugins/rpc', 408, 409],
  ])('/api/%s: no answer is %i, no session %i, text 406', async (path, timeout, noSession) => {
    const name = path.replace('/', '-');
    const body = { method: 'm', params: {}, timeout: 100 };
    const silent = await device(`silent-${name}`, () => undefined);
    expect((await post(`/api/${path}/twoway/${silent}`, body)).statusCode).toBe(timeout);
    const away = await device(`away-${name}`);
    expect((await post(`/api/${path}/oneway/${away}`, body)).statusCode).toBe(noSession);
    const odd = await device(`odd-${name}`, () => 'no json');
    expect((await post(`/api/${path}/twoway/${odd}`, body)).statusCode).toBe(406);
  });

  it('more calls than may wait are 503', async () => {
    const id = await device('rpc-full');
    const body = { method: 'm', params: {}, timeout: 150 };
    const all = await Promise.all(Array.from({ length: 4 }, () => post(`/api/rpc/twoway/${id}`, body)));
    expect(all.map(({ statusCode }) => statusCode).sort()).toEqual([503, 504, 504, 504]);
  });

  it('a persistent call is answered with its id, shown in ThingsBoard’s shape, and deleted', async () => {
    const id = await device('rpc-persistent');
    const wish =
      '{"method":"m","params":{"x":1.0},"persistent":true,"retries":2,"additionalInfo":{"why":"test"},"timeout":60000}';
    const { rpcId } = (await post(`/api/rpc/twoway/${id}`, wish)).json<{ rpcId: string }>();
    expect((await harness.api('GET', `/api/rpc/persistent/${rpcId}`)).json()).toMatchObject({
      id: { entityType: 'RPC', id: rpcId },
      deviceId: { entityType: 'DEVICE', id },
      request: { oneway: false, persisted: true, retries: 2, body: { method: 'm', params: '{"x":1.0}' } },
      response: null,
      status: 'QUEUED',
      additionalInfo: { why: 'test' },
    });
    const list = await harness.api('GET', `/api/rpc/persistent/device/${id}?pageSize=10&page=0&rpcStatus=QUEUED`);
    expect(list.json()).toMatchObject({ totalElements: 1, totalPages: 1, hasNext: false });
    expect((await harness.api('DELETE', `/api/rpc/persistent/${rpcId}`)).statusCode).toBe(200);
    expect((await harness.api('DELETE', `/api/rpc/persistent/${rpcId}`)).statusCode).toBe(404);
    expect((await harness.api('GET', `/api/rpc/persistent/${rpcId}`)).statusCode).toBe(404);
  });

  it('a wrong body or id is 400, an unknown device 404', async () => {
    const id = await device('rpc-wrong');
    for (const body of [{}, { method: 5 }, { method: 'm', timeout: -1 }, { method: 'm', persistent: 'x' }]) {
      expect((await post(`/api/rpc/twoway/${id}`, body)).statusCode).toBe(400);
    }
    expect((await post('/api/rpc/twoway/x', { method: 'm' })).statusCode).toBe(400);
    expect((await harness.api('GET', '/api/rpc/persistent/x')).statusCode).toBe(400);
    const unknown = '00000000-0000-7000-8000-000000000000';
    expect((await post(`/api/rpc/oneway/${unknown}`, { method: 'm' })).statusCode).toBe(404);
  });
});
