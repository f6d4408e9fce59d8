import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

const URL = '/api/gridmoor/dead-letters';
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
  const { id } = await harness.device('m1');
  for (const at of [1, 2]) {
    await harness.core.storage.deadLetters.put({
      id: `letter ${at}~attach`,
      at,
      originator: { entityType: 'DEVICE', id },
      originatorName: 'm1',
      retries: 0,
      sealed: '',
      chain: 'onboarding',
      node: 'attach',
      reason: 'NODE_FAILED',
      msgType: 'POST_ATTRIBUTES_REQUEST',
      metadata: { deviceName: 'm1' },
      data: { a: at },
    });
  }
});
afterAll(() => harness[Symbol.asyncDispose]());

it('dead letters are listed newest first without their data, shown with it, and forgotten once', async () => {
  const page = (await harness.api('GET', `${URL}?pageSize=1`)).json();
  expect(page).toMatchObject({
    totalElements: 2,
    hasNext: true,
    data: [{ id: 'letter 2~attach', originator: { entityType: 'DEVICE', name: 'm1' } }],
  });
  expect(page.data[0].data).toBeUndefined();
  const one = `${URL}/${encodeURIComponent('letter 2~attach')}`;
  expect((await harness.api('GET', one)).json()).toMatchObject({ node: 'attach', data: { a: 2 } });
  expect((await harness.api('DELETE', one)).statusCode).toBe(204);
  expect((await harness.api('DELETE', one)).json().code).toBe('NOT_FOUND');
  expect((await harness.api('GET', one)).statusCode).toBe(404);
});

it('the audit says who did what, newest first, without a key', async () => {
  const made = (await harness.api('POST', '/api/gridmoor/suppliers', { name: 'Sol' })).json();
  const answer = await harness.api('GET', '/api/gridmoor/audit?pageSize=1');
  expect(answer.json().data[0]).toMatchObject({
    action: 'supplier.create',
    by: 'admin-key',
    subject: `supplier:${made.id}`,
    outcome: 'created',
  });
  expect(answer.body).not.toContain(made.secretKey);
});

it('an attribute that an administrator set is in the audit by scope and number', async () => {
  const { id } = await harness.device('m2');
  await harness.api('POST', `/api/plugins/telemetry/DEVICE/${id}/SERVER_SCOPE`, { password: 'not-in-the-audit' });
  const answer = await harness.api('GET', '/api/gridmoor/audit?pageSize=1');
  expect(answer.json().data[0]).toMatchObject({ action: 'attributes.save', facts: { scope: 'SERVER_SCOPE', keys: 1 } });
  expect(answer.body).not.toContain('not-in-the-audit');
});
