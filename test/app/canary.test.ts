import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newDeviceId } from '../../src/model/ids.ts';
import { ADMIN_KEY, type Harness, startHarness } from '../admin/harness.ts';

let admin: Harness;
beforeEach(async () => {
  admin = await startHarness();
});
afterEach(() => admin[Symbol.asyncDispose]());

const CANARY = '/api/gridmoor/chain-canary';

/** Uploads the onboarding chain: with a description, or with a node that fails every connect event. */
async function trial(kind: 'failing' | 'harmless', query: string) {
  const chain = (await admin.api('GET', '/api/gridmoor/chains/onboarding')).json();
  if (kind === 'harmless') chain.description = 'changed';
  else {
    chain.nodes.fail = { kind: 'flow/dead-letter', config: { reason: 'on trial' } };
    chain.nodes['by-type'].to['Connect Event'] = 'fail';
  }
  return admin.inject({
    method: 'PUT',
    url: `/api/gridmoor/chains/onboarding?${query}`,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'if-match': '*' },
    payload: JSON.stringify(chain),
  });
}

describe('a trial of a chain', () => {
  it('takes its share of the devices, the same ones every time, and ends when it is promoted', async () => {
    const before = admin.core.live.current.generation;
    const answer = await trial('harmless', 'percent=25');
    expect(answer.json()).toMatchObject({ canary: true });
    const ids = Array.from({ length: 2_000 }, () => newDeviceId(1_700_000_000_000));
    const taken = ids.filter((id) => admin.core.live.generationFor(id) !== before);
    expect(taken.length).toBeGreaterThan(400);
    expect(taken.length).toBeLessThan(600);
    expect(ids.filter((id) => admin.core.live.generationFor(id) !== before)).toEqual(taken);
    expect((await admin.api('GET', CANARY)).json()).toMatchObject({ percent: 25, messages: 0, failed: 0 });
    const promoted = await admin.api('POST', `${CANARY}/promote`, {});
    expect(promoted.json().generation).toBe(admin.core.live.current.generation.id);
    expect(promoted.json().generation).toBe(answer.json().generation);
    expect((await admin.api('GET', CANARY)).json()).toEqual({ ended: 'promoted' });
  });

  it('is given up when its messages fail too often, and the former chain serves on', async () => {
    const before = admin.core.live.current.generation.id;
    expect((await trial('failing', 'percent=100&maxFailureRatio=0.5&minMessages=3')).statusCode).toBe(200);
    const device = await admin.device('meter-1');
    const event = { type: 'CONNECT_EVENT', ts: 1, data: {}, metadata: {} };
    const ends = await Promise.all(
      Array.from({ length: 5 }, () => new Promise((resolve) => admin.core.runner.run({ device, ...event }, resolve))),
    );
    expect(ends).toEqual(Array(5).fill('done'));
    expect((await admin.api('GET', CANARY)).json().ended).toMatch(/given up: 3 of 3 messages were dead-lettered/);
    expect(admin.core.live.generationFor(device.id).id).toBe(before);
    const letters = (await admin.api('GET', '/api/gridmoor/dead-letters')).json();
    expect(letters.totalElements).toBe(3);
  });

  it('ends when somebody says so, and cannot be promoted afterwards', async () => {
    await trial('harmless', 'percent=50');
    expect((await admin.api('DELETE', CANARY)).statusCode).toBe(204);
    expect((await admin.api('POST', `${CANARY}/promote`, {})).statusCode).toBe(404);
  });
});
