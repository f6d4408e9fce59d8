import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN_KEY, CUPS, type Harness, PROVISION_SECRET, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

it('planted secrets are in no answer but the one that hands them out, in no log line and in no metric', async () => {
  const answers: string[] = [];
  const post = async (url: string, payload: string) => {
    const answer = await harness.inject({ method: 'POST', url, payload });
    return answer.body;
  };
  const supplier = (await harness.api('POST', '/api/gridmoor/suppliers', { name: 'Sol' })).json();
  const apiKey = (await harness.api('POST', '/api/gridmoor/api-keys', { name: 'k', role: 'operator' })).json();
  const provision = JSON.stringify({
    deviceName: 'planted',
    provisionDeviceKey: 'smart-meter',
    provisionDeviceSecret: PROVISION_SECRET,
  });
  const token: string = JSON.parse(await post('/api/v1/provision', provision)).credentialsValue;
  const own = 'planted-token-of-the-operator-1';
  await harness.api('POST', `/api/device?accessToken=${own}`, { name: 'planted2', type: 'smart-meter' });
  const rotated = (await harness.api('POST', '/api/gridmoor/devices/planted2/rotate')).json().credentials.token;
  const secrets = [ADMIN_KEY, PROVISION_SECRET, supplier.secretKey, apiKey.secretKey, token, own, rotated];

  const onboard = JSON.stringify({ Power_supplier_secret_key: supplier.secretKey, CUPS, serial: 'A1' });
  answers.push(await post(`/api/v1/${token}/attributes`, onboard));
  answers.push(await post('/api/v1/provision', provision));
  answers.push(await post(`/api/v1/${token}/telemetry`, `{"broken":"${supplier.secretKey}"`));
  answers.push(await post(`/api/v1/${own}/telemetry`, '{}'));
  answers.push(await post(`/api/v1/${token}/nowhere`, '{}'));
  answers.push((await harness.inject({ url: `/api/v1/${token}/attributes` })).body);

  const device = (await harness.api('GET', '/api/tenant/devices?deviceName=planted')).json().id.id;
  const paths = Object.entries((await harness.inject({ url: '/openapi.json' })).json().paths as Record<string, object>)
    .filter(([path, methods]) => 'get' in methods && !/^\/(?:api\/v1|ota|config|file|multipart)\//.test(path))
    .map(([path]) =>
      path
        .replace('{id}', path.includes('/asset/') ? supplier.id : device)
        .replace('{device}', device)
        .replace('{name}', 'onboarding')
        .replace('{scope}', 'CLIENT_SCOPE'),
    );
  expect(paths.length).toBeGreaterThan(20);
  for (const path of [
    ...paths,
    `/api/relations?toId=${device}&toType=DEVICE`,
    `/api/gridmoor/attachments?supplyPoint=${CUPS}`,
  ]) {
    const answer = await harness.api('GET', path);
    answers.push(answer.body, JSON.stringify(answer.headers));
  }
  for (const key of [`${ADMIN_KEY}x`, supplier.secretKey]) {
    answers.push((await harness.api('GET', '/api/gridmoor/status', undefined, key)).body);
  }
  answers.push((await harness.api('POST', '/api/gridmoor/suppliers', `{"name":"${supplier.secretKey}`)).body);
  answers.push(
    (await harness.api('POST', '/api/gridmoor/suppliers', { name: 'Sol', secretKey: supplier.secretKey })).body,
  );
  const taken = { name: 'p3', profile: 'smart-meter', credentials: { type: 'ACCESS_TOKEN', token } };
  answers.push((await harness.api('POST', '/api/gridmoor/devices', taken)).body);

  const attached = (await harness.api('GET', '/api/gridmoor/attachments?device=planted')).json();
  expect(attached.data[0].supplyPoint).toBe(CUPS);
  const metrics = (await harness.inject({ url: '/metrics' })).body;
  const log = harness.logLines.join('');
  expect(log).toContain('"event":"http.request"');
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(15);
    expect(answers.filter((answer) => answer.includes(secret))).toEqual([]);
    expect(log).not.toContain(secret);
    expect(metrics).not.toContain(secret);
  }
  expect(log).not.toContain(CUPS);
  expect(metrics).not.toContain(CUPS);
});
