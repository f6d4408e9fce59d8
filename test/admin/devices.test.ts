import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CloseReason } from '../../src/device-api/index.ts';
import type { Device } from '../../src/model/device.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const logsIn = async (token: string) => (await harness.core.registry.loginByToken(token))?.name;

function session(device: Device): CloseReason[] {
  const closed: CloseReason[] = [];
  harness.core.deviceApi.openSession(device, { send: () => true, close: (reason) => closed.push(reason) });
  return closed;
}

it('one is found by name as the object that ThingsBoard gives, or is 404', async () => {
  const { id } = await harness.device('meter one');
  const answer = await harness.api('GET', `/api/tenant/devices?deviceName=${encodeURIComponent('meter one')}`);
  expect(answer.json()).toEqual({
    id: { entityType: 'DEVICE', id },
    createdTime: expect.any(Number),
    name: 'meter one',
    type: 'smart-meter',
    tenantId: { entityType: 'TENANT', id: expect.any(String) },
    customerId: { entityType: 'CUSTOMER', id: '13814000-1dd2-11b2-8080-808080808080' },
    deviceProfileId: { entityType: 'DEVICE_PROFILE', id: expect.any(String) },
    firmwareId: null,
    softwareId: null,
    label: null,
    additionalInfo: {},
  });
  expect((await harness.api('GET', `/api/device/${id.toUpperCase()}`)).json()).toEqual(answer.json());
  expect((await harness.api('GET', '/api/tenant/devices?deviceName=nobody')).statusCode).toBe(404);
});

it('many are paged, searched and filtered', async () => {
  for (const name of ['page-a', 'page-b', 'PAGE-c']) await harness.device(name);
  const get = async (query: string) => (await harness.api('GET', `/api/tenant/devices?${query}`)).json();
  const page = await get('pageSize=2&page=0&textSearch=page-');
  expect(page).toMatchObject({ totalElements: 3, totalPages: 2, hasNext: true });
  expect(page.data).toHaveLength(2);
  expect((await get('pageSize=2&page=1&textSearch=page-')).hasNext).toBe(false);
  expect((await get('type=limited')).totalElements).toBe(0);
});

it('created on the path of ThingsBoard has the given token, or one that is shown once', async () => {
  const given = await harness.api('POST', '/api/device?accessToken=tok-tb-1', { name: 'tb1', type: 'smart-meter' });
  expect(given.statusCode).toBe(200);
  expect(given.json()).toMatchObject({ name: 'tb1', id: { entityType: 'DEVICE' } });
  expect(given.body).not.toContain('tok-tb-1');
  expect(await logsIn('tok-tb-1')).toBe('tb1');
  const body = { name: 'tb2', type: 'smart-meter', label: null, additionalInfo: { gateway: true }, customerId: null };
  const made = (await harness.api('POST', '/api/device', body)).json();
  expect(await logsIn(made.accessToken)).toBe('tb2');
  expect(made.additionalInfo).toEqual({ gateway: true });
});

it('registered before it comes has its credentials in the 201, once', async () => {
  const made = await harness.api('POST', '/api/gridmoor/devices', { name: 'pre1', profile: 'smart-meter' });
  expect(made.statusCode).toBe(201);
  expect(made.json()).toMatchObject({ name: 'pre1', profile: 'smart-meter', credentials: { type: 'ACCESS_TOKEN' } });
  expect(await logsIn(made.json().credentials.token)).toBe('pre1');
  const credentials = { type: 'MQTT_BASIC', clientId: 'c', userName: 'u', password: 'p' };
  const basic = await harness.api('POST', '/api/gridmoor/devices', {
    name: 'pre2',
    profile: 'smart-meter',
    credentials,
  });
  expect(basic.json().credentials).toEqual(credentials);
  const login = await harness.core.registry.login({ clientId: 'c', userName: 'u', password: 'p' });
  expect(login.kind).toBe('device');
});

it.each([
  ['an unknown profile', { name: 'x1', profile: 'smart-metre' }, 400, 'PROFILE_NOT_FOUND'],
  ['a name that exists', { name: 'taken', profile: 'smart-meter' }, 409, 'NAME_TAKEN'],
  [
    'a token that exists',
    { name: 'x2', profile: 'smart-meter', credentials: { type: 'ACCESS_TOKEN', token: 'token-of-taken' } },
    409,
    'CREDENTIALS_TAKEN',
  ],
  [
    'an empty token',
    { name: 'x3', profile: 'smart-meter', credentials: { type: 'ACCESS_TOKEN' } },
    400,
    'CREDENTIALS_INVALID',
  ],
  [
    'parts of another type',
    { name: 'x4', profile: 'smart-meter', credentials: { type: 'ACCESS_TOKEN', token: 't', password: 'p' } },
    400,
    'CREDENTIALS_INVALID',
  ],
  ['a type that is none', { name: 'x5', profile: 'smart-meter', credentials: { type: 'TOKEN' } }, 400, 'BAD_REQUEST'],
])('%s is refused', async (_name, body, status, code) => {
  await harness.core.registry.create({
    name: 'taken',
    profile: 'smart-meter',
    credentials: { type: 'ACCESS_TOKEN', token: 'token-of-taken' },
    by: 'test',
  });
  const answer = await harness.api('POST', '/api/gridmoor/devices', body);
  expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
});

it('rotated has a new token, the old one stops, and its session ends', async () => {
  const device = await harness.device('rot1');
  const closed = session(device);
  const made = (await harness.api('POST', `/api/gridmoor/devices/${device.id}/rotate`)).json();
  expect([await logsIn('token-of-rot1'), await logsIn(made.credentials.token)]).toEqual([undefined, 'rot1']);
  expect(closed).toEqual(['credentials-changed']);
  const named = await harness.api('POST', '/api/gridmoor/devices/rot1/rotate', {
    credentials: { type: 'ACCESS_TOKEN', token: 'chosen' },
  });
  expect(named.statusCode).toBe(200);
  expect(await logsIn('chosen')).toBe('rot1');
  expect((await harness.api('POST', '/api/gridmoor/devices/nobody/rotate')).json().code).toBe('DEVICE_NOT_FOUND');
});

it('deleted is gone, with its session', async () => {
  const device = await harness.device('del1');
  const closed = session(device);
  expect((await harness.api('DELETE', `/api/device/${device.id}`)).statusCode).toBe(200);
  expect(closed).toEqual(['device-deleted']);
  expect(await logsIn('token-of-del1')).toBeUndefined();
  expect((await harness.api('DELETE', `/api/device/${device.id}`)).json().code).toBe('DEVICE_NOT_FOUND');
});
