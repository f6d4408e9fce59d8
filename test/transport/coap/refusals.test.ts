import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/observe/index.ts';
import { type CoapFront, createCoapFront } from '../../../src/transport/coap/server.ts';
import { type Harness, startHarness } from '../../admin/harness.ts';
import { CoapPeer } from '../../helpers/coap-peer.ts';

describe('a peer that keeps guessing', () => {
  let harness: Harness;
  let front: CoapFront;
  afterEach(async () => {
    await front.close();
    await harness[Symbol.asyncDispose]();
  });

  it('is answered ever later, then not at all; a right token is answered at once', async () => {
    harness = await startHarness({ free: 0, baseMs: 60_000, maxMs: 60_000 });
    const { deviceApi, clock } = harness.core;
    const options = {
      host: '127.0.0.1',
      port: 0,
      piggybackMs: 500,
      maxRequests: 1_000,
      maxPayloadBytes: 65_536,
      maxObservers: 100,
      observerCheckMs: 3_600_000,
      transmission: { ackTimeoutMs: 60_000, maxRetransmit: 1 },
    };
    front = createCoapFront(options, { deviceApi, clock, log: createLog({ level: 'silent' }) });
    const { port } = await front.listen();
    await harness.device('honest');
    await using guesser = await CoapPeer.open(port);
    for (let sent = 0; sent < 260; sent += 20) {
      for (let i = sent; i < sent + 20; i++) {
        await guesser.ask({ method: 'POST', path: `/api/v1/guess-${i}/telemetry`, payload: '{}', confirmable: false });
      }
      // The kernel drops what finds no room.
      await expect.poll(() => front.counts.requests, { timeout: 20_000 }).toBe(sent + 20);
    }
    await using honest = await CoapPeer.open(port);
    const taken = await honest.call({ method: 'POST', path: '/api/v1/token-of-honest/telemetry', payload: '{"a":1}' });
    expect(taken.code).toBe('2.01');
    expect(guesser.unread).toBe(0);
    harness.core.guessPause.close();
    for (let i = 0; i < 200; i++) expect((await guesser.next()).code).toBe('4.01');
    expect((await honest.call({ method: 'POST', path: '/api/v1/token-of-honest/telemetry', payload: '{}' })).code).toBe(
      '2.01',
    );
    expect(guesser.unread).toBe(0);
  });
});
