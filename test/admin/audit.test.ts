import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

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
