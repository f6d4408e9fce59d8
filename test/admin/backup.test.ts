import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const URL = '/api/gridmoor/backup';
const ask = (key: string) => harness.inject({ method: 'POST', url: URL, headers: { authorization: `Bearer ${key}` } });

it('a backup is one line of facts and the data they describe, with a line in the audit', async () => {
  await harness.device('m1');
  const answer = await ask(ADMIN_KEY);
  expect(answer.statusCode).toBe(200);
  const end = answer.rawPayload.indexOf('\n');
  const header = JSON.parse(answer.rawPayload.toString('utf8', 0, end)) as Record<string, unknown>;
  const data = answer.rawPayload.subarray(end + 1);
  expect(header).toMatchObject({ gridmoor: 'backup', format: 1, bytes: data.length });
  expect(createHash('sha256').update(data).digest('hex')).toBe(header.sha256);
  const { data: lines } = (await harness.api('GET', '/api/gridmoor/audit')).json() as { data: { action: string }[] };
  expect(lines.map(({ action }) => action)).toContain('store.backup');
});

it('only administrators get one', async () => {
  for (const role of ['operator', 'read-only']) {
    const made = await harness.api('POST', '/api/gridmoor/api-keys', { name: role, role });
    expect((await ask((made.json() as { secretKey: string }).secretKey)).statusCode).toBe(403);
  }
  expect((await harness.inject({ method: 'POST', url: URL })).statusCode).toBe(401);
});
