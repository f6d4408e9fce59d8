import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
  await harness.device('m1');
  await harness.inject({ method: 'POST', url: '/api/v1/token-of-m1/telemetry', payload: '{"t":1}' });
});
afterAll(() => harness[Symbol.asyncDispose]());

it('the chains in force are listed, with counters per node', async () => {
  const chains = (await harness.api('GET', '/api/gridmoor/chains')).json();
  expect(chains.data).toEqual([{ name: 'onboarding', root: true, nodes: expect.any(Number) }]);
  const counters = (await harness.api('GET', '/api/gridmoor/chains/onboarding/counters')).json();
  const first = counters.nodes.find(({ node }: { node: string }) => node === 'by-type');
  const edges = { 'Post telemetry': 1 };
  expect(first).toMatchObject({ kind: 'filter/msg-type-switch', in: 2, edges }); // ACTIVITY_EVENT came before
  expect((await harness.api('GET', '/api/gridmoor/chains/none/counters')).json().code).toBe('CHAIN_NOT_FOUND');
});

it('the status says what runs and what became of the messages', async () => {
  const status = (await harness.api('GET', '/api/gridmoor/status')).json();
  expect(status).toMatchObject({
    instance: { id: 'test', version: '0.0.0-test' },
    store: { kind: 'embedded', ok: true },
    connected: 0,
    messages: { received: 2, inFlight: 0, outcomes: { processed: 2 } },
  });
});
