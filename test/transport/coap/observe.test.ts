import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/observe/index.ts';
import { type CoapFront, createCoapFront } from '../../../src/transport/coap/server.ts';
import { type Harness, startHarness } from '../../admin/harness.ts';
import { CoapPeer } from '../../helpers/coap-peer.ts';

const REGISTER = [['Observe', Buffer.alloc(0)]] as const;

describe('observations', () => {
  let harness: Harness;
  let port: number;
  const fronts: CoapFront[] = [];

  /** @param ackTimeoutMs before the one repeat. */
  async function open(ackTimeoutMs: number) {
    const { deviceApi, clock } = harness.core;
    const options = {
      host: '127.0.0.1',
      port: 0,
      piggybackMs: 500,
      maxRequests: 100,
      maxPayloadBytes: 65_536,
      maxObservers: 100,
      observerCheckMs: 3_600_000,
      transmission: { ackTimeoutMs, maxRetransmit: 1 },
    };
    const front = createCoapFront(options, { deviceApi, clock, log: createLog({ level: 'silent' }) });
    fronts.push(front);
    return { front, port: (await front.listen()).port };
  }

  beforeAll(async () => {
    harness = await startHarness();
    ({ port } = await open(60_000));
  });
  afterAll(async () => {
    for (const front of fronts) await front.close();
    await harness[Symbol.asyncDispose]();
  });

  it('a call that waited for the device comes behind the answer to the registration', async () => {
    const { id } = await harness.device('w1');
    const call = { method: 'waited', params: '1', oneway: true, expiresAt: Date.now() + 60_000 };
    const outcome = harness.core.deviceApi.rpc.call(id, call);
    await using peer = await CoapPeer.open(port);
    await peer.ask({ path: '/api/v1/token-of-w1/rpc', options: REGISTER });
    expect((await peer.next()).code).toBe('2.03');
    const came = await peer.next();
    expect(came.payload.toString()).toContain('"method":"waited"');
    await peer.acknowledge(came);
    expect(await outcome).toEqual({ kind: 'done' });
  });

  it('goes on with the next notification only when the one before is acknowledged; beyond 100 that wait they are dropped', async () => {
    const { id } = await harness.device('w2');
    await using peer = await CoapPeer.open(port);
    await peer.call({ path: '/api/v1/token-of-w2/attributes', options: REGISTER });
    for (let c = 0; c < 150; c++) await harness.core.deviceApi.saveAttributes(id, 'SHARED_SCOPE', { c });
    const came: string[] = [];
    let last = -1;
    while (came.length < 101) {
      const packet = await peer.next();
      await peer.acknowledge(packet);
      if (packet.messageId !== last) came.push(packet.payload.toString());
      last = packet.messageId;
    }
    expect(came).toEqual(Array.from({ length: 101 }, (_, c) => `{"c":${c}}`));
    await harness.core.deviceApi.saveAttributes(id, 'SHARED_SCOPE', { c: 'again' });
    expect((await peer.next()).payload.toString()).toBe('{"c":"again"}');
  });

  it('a device that stops answering observes no more, and its session ends', async () => {
    const { id } = await harness.device('w3');
    const { front, ...impatient } = await open(100);
    await using peer = await CoapPeer.open(impatient.port);
    await peer.call({ path: '/api/v1/token-of-w3/attributes', options: REGISTER });
    expect([front.counts.observations, harness.core.deviceApi.isConnected(id)]).toEqual([1, true]);
    await harness.core.deviceApi.saveAttributes(id, 'SHARED_SCOPE', { c: 1 });
    await expect.poll(() => harness.core.deviceApi.isConnected(id), { timeout: 25_000 }).toBe(false);
    expect(front.counts.observations).toBe(0);
  });
});
