import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let admin: Harness;
beforeEach(async () => {
  admin = await startHarness();
});
afterEach(() => admin[Symbol.asyncDispose]());

describe('explain', () => {
  const send = async (token: string, kind: 'telemetry' | 'attributes', body: unknown) => {
    const answer = await admin.inject({ method: 'POST', url: `/api/v1/${token}/${kind}`, payload: body as object });
    expect(answer.statusCode).toBe(200);
  };

  it('shows where the messages of a traced device went, with labels and times', async () => {
    const device = await admin.device('meter-1');
    await send('token-of-meter-1', 'telemetry', { power: 1 });
    expect((await admin.api('GET', '/api/gridmoor/messages?device=meter-1')).json().data).toEqual([]);
    const asked = await admin.api('POST', `/api/gridmoor/devices/${device.id}/trace`, { seconds: 10 });
    expect(asked.statusCode).toBe(204);
    await send('token-of-meter-1', 'telemetry', { power: 2 });
    const { data } = (await admin.api('GET', '/api/gridmoor/messages?device=meter-1')).json();
    const line = data.find(({ type }: { type: string }) => type === 'POST_TELEMETRY_REQUEST');
    expect(line).toMatchObject({ outcome: 'processed', why: 'asked', originator: { name: 'meter-1' } });
    const found = (await admin.api('GET', `/api/gridmoor/messages/${line.id}/explain`)).json();
    expect(found.data).toEqual({ power: 2 });
    expect(found.steps[0]).toMatchObject({ chain: 'onboarding', node: 'by-type', labels: ['Post telemetry'] });
    expect(found.steps[0].ms).toBeGreaterThanOrEqual(0);
  });

  it('keeps what failed though nobody asked, and neither the secret nor the code', async () => {
    await admin.device('meter-2');
    const secret = 'a supplier key that is wrong';
    const body = { Power_supplier_secret_key: secret, CUPS: 'ES1234123456789012JX' };
    await send('token-of-meter-2', 'attributes', body);
    await send('token-of-meter-2', 'attributes', { ...body, CUPS: 'ES1234123456789012JY' });
    const all = await admin.api('GET', '/api/gridmoor/messages');
    expect(all.body).not.toContain(secret);
    for (const { id } of all.json().data) {
      const found = await admin.api('GET', `/api/gridmoor/messages/${id}/explain`);
      expect(found.body).not.toContain(secret);
      expect(found.body).not.toContain('ES1234123456789012J');
    }
  });

  it('says that it knows nothing of a message', async () => {
    const answer = await admin.api('GET', '/api/gridmoor/messages/nothing/explain');
    expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});
