import { type IncomingMessage, request } from 'coap';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/observe/index.ts';
import { type CoapFront, createCoapFront } from '../../../src/transport/coap/server.ts';
import { type Harness, startHarness } from '../../admin/harness.ts';

/** The client of coapjs, as it is. */
describe('the npm client coap', () => {
  let harness: Harness;
  let front: CoapFront;
  let port: number;

  beforeAll(async () => {
    harness = await startHarness();
    const { deviceApi, clock } = harness.core;
    const options = {
      host: '127.0.0.1',
      port: 0,
      piggybackMs: 500,
      maxRequests: 100,
      maxPayloadBytes: 65_536,
      maxObservers: 100,
      observerCheckMs: 3_600_000,
      transmission: { ackTimeoutMs: 100, maxRetransmit: 3 },
    };
    front = createCoapFront(options, { deviceApi, clock, log: createLog({ level: 'silent' }) });
    ({ port } = await front.listen());
  });
  afterAll(async () => {
    await front.close();
    await harness[Symbol.asyncDispose]();
  });

  const call = (method: 'GET' | 'POST', pathname: string, body = '', options: Record<string, Buffer> = {}) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, method, pathname, agent: false });
      for (const [name, value] of Object.entries(options)) asked.setOption(name, value);
      asked.on('response', resolve);
      asked.on('error', reject);
      asked.end(body);
    });

  it('posts telemetry and reads attributes', async () => {
    const device = await harness.device('c1');
    expect((await call('POST', '/api/v1/token-of-c1/telemetry', '{"a":1}')).code).toBe('2.01');
    expect([...(await harness.core.storage.telemetry.latest(device.id)).keys()]).toEqual(['a']);
    expect((await call('POST', '/api/v1/token-of-c1/attributes', '{"v":42}')).code).toBe('2.01');
    const read = await call('GET', '/api/v1/token-of-c1/attributes');
    expect([read.code, read.headers['Content-Format'], read.payload.toString()]).toEqual([
      '2.05',
      'application/json',
      '{"client":{"v":42}}',
    ]);
  });

  it('sends and fetches bodies in blocks', async () => {
    await harness.device('c2');
    const text = 'x'.repeat(5_000);
    const posted = await call('POST', '/api/v1/token-of-c2/attributes', `{"long":"${text}"}`, {
      Block1: Buffer.of(0x06),
    });
    expect(posted.code).toBe('2.01');
    const read = await call('GET', '/api/v1/token-of-c2/attributes');
    expect(read.payload.toString()).toBe(`{"client":{"long":"${text}"}}`);
  });

  it('observes shared attributes', async () => {
    const { id } = await harness.device('c3');
    const came: string[] = [];
    const asked = request({
      host: '127.0.0.1',
      port,
      pathname: '/api/v1/token-of-c3/attributes',
      observe: true,
      agent: false,
    });
    const stream = new Promise<IncomingMessage>((resolve, reject) => {
      asked.on('response', resolve);
      asked.on('error', reject);
    });
    asked.end();
    const response = await stream;
    response.on('data', (data: Buffer) => came.push(data.toString()));
    await expect.poll(() => came.length).toBe(1);
    for (const c of [1, 2]) await harness.core.deviceApi.saveAttributes(id, 'SHARED_SCOPE', { c });
    await expect.poll(() => came).toEqual(['{}', '{"c":1}', '{"c":2}']);
    expect(front.counts.observations).toBe(1);
    // It closes its socket: what is sent there from now on is never acknowledged.
    (response as unknown as { close(): void }).close();
    await harness.core.deviceApi.saveAttributes(id, 'SHARED_SCOPE', { c: 3 });
    await expect.poll(() => front.counts.observations, { timeout: 20_000 }).toBe(0);
  });
});
