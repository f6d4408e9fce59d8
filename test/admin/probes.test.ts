import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Harness, PROVISION_SECRET, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const get = (url: string, method: 'GET' | 'HEAD' = 'GET') => harness.inject({ method, url });

it('healthz and readyz answer without a key', async () => {
  expect((await get('/healthz')).json()).toMatchObject({ status: 'up' });
  expect((await get('/readyz')).json()).toEqual({ ready: true, checks: [{ name: 'store', ok: true }] });
  expect((await get('/readyz', 'HEAD')).statusCode).toBe(200);
});

it('readyz is 503 and says why when a check fails', async () => {
  const own = await startHarness();
  const failing = own.health.register({ name: 'files', check: () => ({ ok: false, problem: 'a file is broken' }) });
  const answer = await own.inject({ url: '/readyz' });
  expect([answer.statusCode, answer.json().checks[1].problem]).toEqual([503, 'a file is broken']);
  const metrics = (await own.inject({ url: '/metrics' })).body;
  expect(metrics).toContain('\ngridmoor_ready 0\n');
  expect(metrics).toContain('\ngridmoor_check{check="files"} 0\n');
  expect(metrics).toContain('\ngridmoor_check{check="store"} 1\n');
  failing();
  expect((await own.inject({ url: '/readyz' })).statusCode).toBe(200);
  await own[Symbol.asyncDispose]();
});

it('metrics count messages by outcome, refusals, provisioning and rule nodes; received = outcomes + in flight', async () => {
  const post = (url: string, payload: string) => harness.inject({ method: 'POST', url, payload });
  await harness.device('m1');
  await post('/api/v1/token-of-m1/telemetry', '{"t":1}');
  await post('/api/v1/token-of-m1/telemetry', '{');
  await post('/api/v1/unknown/telemetry', '{}');
  const keys = { provisionDeviceKey: 'smart-meter', provisionDeviceSecret: PROVISION_SECRET };
  await post('/api/v1/provision', JSON.stringify({ ...keys, deviceName: 'p1' }));
  await harness.core.runner.drain();
  const { body, headers } = await get('/metrics');
  expect(headers['content-type']).toContain('text/plain');
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
  expect(value('gridmoor_messages_total\\{outcome="refused"\\}')).toBe(1);
  expect(value('gridmoor_refusals_total\\{reason="login:bad-credentials"\\}')).toBe(1);
  expect(value('gridmoor_provisioned_total\\{reason="created"\\}')).toBe(1);
  expect(value('gridmoor_rule_node_messages_total\\{chain="onboarding",node="save-series"\\}')).toBe(1);
  expect(value('gridmoor_sessions')).toBe(0);
  expect(value('gridmoor_waiting_messages')).toBe(0);
  const outcomes = [...body.matchAll(/^gridmoor_messages_total\{outcome="[\w-]+"\} (\d+)$/gm)];
  const sum = outcomes.reduce((all, [, count]) => all + Number(count), value('gridmoor_messages_in_flight'));
  expect(value('gridmoor_messages_received_total')).toBe(sum);
});
