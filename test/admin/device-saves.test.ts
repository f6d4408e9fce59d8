import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CloseReason } from '../../src/device-api/index.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness[Symbol.asyncDispose]());

const post = async (url: string, body: unknown) => (await harness.api('POST', url, body)).json();
const get = async (url: string) => (await harness.api('GET', url)).json();
const logsIn = async (token: string) => (await harness.core.registry.loginByToken(token))?.name;

describe('POST /api/device', () => {
  it('with the object that was read changes the label and the gateway flag', async () => {
    const { id } = await harness.device('change-1');
    const read = await get(`/api/device/${id}`);
    const changed = await post('/api/device', { ...read, label: 'Cellar', additionalInfo: { gateway: true } });
    expect(changed).toEqual({ ...read, label: 'Cellar', additionalInfo: { gateway: true } });
    expect(await get(`/api/device/${id}`)).toEqual(changed);
    expect((await post('/api/device', { ...changed, label: null })).label).toBeNull();
    expect(await logsIn('token-of-change-1')).toBe('change-1');
  });

  it('keeps overwriteActivityTime of a gateway, from its creation or a change', async () => {
    const additionalInfo = { gateway: true, overwriteActivityTime: true };
    const made = await post('/api/device', { name: 'over-1', type: 'smart-meter', additionalInfo });
    expect(made.additionalInfo).toEqual(additionalInfo);
    const { accessToken: _, ...device } = made;
    const former = await post('/api/device', { ...device, additionalInfo: { gateway: true } });
    expect(former.additionalInfo).toEqual({ gateway: true });
    await post('/api/device', { ...device, additionalInfo });
    expect((await get(`/api/device/${made.id.id}`)).additionalInfo).toEqual(additionalInfo);
  });

  it('keeps what else is in additionalInfo, until a change leaves it out', async () => {
    const additionalInfo = { description: 'Cellar', gateway: true, limits: { a: [1, 2.5] }, lastConnectedGateway: 'x' };
    const made = await post('/api/device', { name: 'additional-1', type: 'smart-meter', additionalInfo });
    const { lastConnectedGateway: _, ...kept } = additionalInfo;
    expect(made.additionalInfo).toEqual(kept);
    const { accessToken: _token, ...device } = made;
    expect((await post('/api/device', { ...device, additionalInfo: undefined })).additionalInfo).toEqual(kept);
    const url = `/api/device/${made.id.id}`;
    expect((await get(url)).additionalInfo).toEqual(kept);
    await post('/api/device', { ...device, additionalInfo: { description: 'Attic' } });
    expect((await get(url)).additionalInfo).toEqual({ description: 'Attic' });
    const long = { ...device, additionalInfo: { description: 'x'.repeat(4_096) } };
    expect(await post('/api/device', long)).toMatchObject({ status: 400, at: 'additionalInfo' });
    await post('/api/device', { ...device, additionalInfo: null });
    expect((await get(url)).additionalInfo).toEqual({});
  });

  it.each([
    ['name', { name: 'other' }],
    ['type', { type: 'limited' }],
    [
      'deviceProfileId',
      { deviceProfileId: { entityType: 'DEVICE_PROFILE', id: '00000000-0000-0000-0000-000000000000' } },
    ],
  ])('refuses a change of %s', async (field, change) => {
    const { id } = await harness.device(`fixed-${field}`);
    const read = await get(`/api/device/${id}`);
    expect(await post('/api/device', { ...read, ...change })).toMatchObject({ code: 'BAD_REQUEST', at: field });
  });

  it('takes the profile by its id', async () => {
    const profile = (await get('/api/deviceProfiles?textSearch=SMART')).data[0];
    const made = await post('/api/device', { name: 'by-id', deviceProfileId: profile.id });
    expect([made.type, made.deviceProfileId]).toEqual(['smart-meter', profile.id]);
    expect(await post('/api/device', { name: 'no-profile' })).toMatchObject({ code: 'PROFILE_NOT_FOUND', at: 'type' });
  });
});

describe('customer and packages of a device', () => {
  const url = 'https://packages.example/fw.bin';
  const pack = async (type: string, title: string, more = {}) =>
    (await post('/api/otaPackage', { type, title, version: '1', url, ...more })).id;

  it('are in every answer about it', async () => {
    const { id } = await harness.device('owned-1');
    const nobody = (await get(`/api/device/${id}`)).customerId.id;
    expect(nobody).toBe('13814000-1dd2-11b2-8080-808080808080');
    const customer = await post('/api/customer', { title: 'Alice' });
    await harness.core.storage.customers.assign(id, customer.id.id);
    const device = await get(`/api/device/${id}`);
    const fw = await pack('FIRMWARE', 'of-owned');
    expect((await post('/api/device', { ...device, firmwareId: fw })).firmwareId).toEqual(fw);
    const page = await get('/api/tenant/devices?pageSize=10&page=0&textSearch=owned-1');
    const answers = [
      await get(`/api/device/${id}`),
      await get('/api/tenant/devices?deviceName=owned-1'),
      page.data[0],
      (await get(`/api/devices?deviceIds=${id}`))[0],
      await get(`/api/device/info/${id}`),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ customerId: customer.id, firmwareId: fw, softwareId: null });
    }
    expect(answers.at(-1)).toMatchObject({ customerTitle: 'Alice' });
    const assigned = async () =>
      (await harness.core.storage.audit.list({ page: 0, pageSize: 1_000 })).data.filter(
        ({ action }) => action === 'ota.assign',
      ).length;
    const before = await assigned();
    const read = answers[0];
    expect(await post('/api/device', { ...read, label: 'x' })).toEqual({ ...read, label: 'x' });
    expect(await assigned()).toBe(before);
  });

  it('firmwareId and softwareId assign and tell the device, null takes away, absent leaves', async () => {
    const { id, name } = await harness.device('packed-1');
    const [fw, sw] = [await pack('FIRMWARE', 'a'), await pack('SOFTWARE', 'b')];
    const shared = async () =>
      Object.fromEntries(
        (await get(`/api/plugins/telemetry/DEVICE/${id}/values/attributes/SHARED_SCOPE`)).map(
          ({ key, value }: { key: string; value: unknown }) => [key, value],
        ),
      );
    const save = (more: object) => post('/api/device', { id: { id }, name, ...more });
    expect(await save({ firmwareId: fw, softwareId: sw })).toMatchObject({ firmwareId: fw, softwareId: sw });
    expect(await shared()).toMatchObject({ fw_title: 'a', sw_title: 'b' });
    expect(await save({ firmwareId: null })).toMatchObject({ firmwareId: null, softwareId: sw });
    expect(await shared()).not.toHaveProperty('fw_title');
    expect(await save({ label: 'x' })).toMatchObject({ firmwareId: null, softwareId: sw });
  });

  it('a package of the wrong kind or profile, or none, changes and creates nothing', async () => {
    const { id, name } = await harness.device('packed-2');
    const sw = await pack('SOFTWARE', 'c');
    const limited = await pack('FIRMWARE', 'd', { deviceProfile: 'limited' });
    for (const [firmwareId, code] of [
      [sw, 'NOT_FOUND'],
      [limited, 'BAD_REQUEST'],
      [{ id }, 'NOT_FOUND'],
      [{ id: 'x' }, 'BAD_REQUEST'],
    ] as const) {
      expect((await post('/api/device', { id: { id }, name, label: 'new', firmwareId })).code).toBe(code);
      expect((await post('/api/device', { name: 'packed-3', type: 'smart-meter', firmwareId })).code).toBe(code);
    }
    expect((await get(`/api/device/${id}`)).label).toBeNull();
    expect(await harness.core.registry.deviceByName('packed-3')).toBeUndefined();
    const made = await post('/api/device', { name: 'packed-3', type: 'limited', firmwareId: limited });
    expect(made.firmwareId).toEqual(limited);
  });
});

describe('credentials', () => {
  it('of all types are given with a new device', async () => {
    const create = (name: string, credentials: object) =>
      post('/api/device-with-credentials', { device: { name, type: 'smart-meter' }, credentials });
    await create('wc-1', { credentialsType: 'ACCESS_TOKEN', credentialsId: 'wc-token-1' });
    expect(await logsIn('wc-token-1')).toBe('wc-1');
    const value = JSON.stringify({ clientId: 'c', userName: 'u', password: 'p' });
    await create('wc-2', { credentialsType: 'MQTT_BASIC', credentialsId: null, credentialsValue: value });
    const login = await harness.core.registry.login({ clientId: 'c', userName: 'u', password: 'p' });
    expect(login).toMatchObject({ kind: 'device', device: { name: 'wc-2' } });
    for (const credentialsValue of ['[]', 'x', '{"clientId":1}', null]) {
      const answer = await create('wc-3', { credentialsType: 'MQTT_BASIC', credentialsValue });
      expect(answer.code).toBe('CREDENTIALS_INVALID');
    }
  });

  it('are read with their type and without themselves; what was read is not taken back as a token', async () => {
    const { id } = await harness.device('cred-1');
    const read = await get(`/api/device/${id}/credentials`);
    expect(read).toMatchObject({
      deviceId: { entityType: 'DEVICE', id },
      credentialsType: 'ACCESS_TOKEN',
      credentialsId: '********',
      credentialsValue: null,
    });
    expect((await post('/api/device/credentials', read)).code).toBe('CREDENTIALS_INVALID');
    expect(await logsIn('token-of-cred-1')).toBe('cred-1');
  });

  it('that are replaced stop working, and the session ends', async () => {
    const device = await harness.device('cred-2');
    const closed: CloseReason[] = [];
    harness.core.deviceApi.openSession(device, { send: () => true, close: (reason) => closed.push(reason) });
    const read = await get(`/api/device/${device.id}/credentials`);
    await post('/api/device/credentials', { ...read, credentialsId: 'cred-2-new' });
    expect([await logsIn('token-of-cred-2'), await logsIn('cred-2-new')]).toEqual([undefined, 'cred-2']);
    expect(closed).toEqual(['credentials-changed']);
  });
});

describe('reading', () => {
  it('gives infos with profile and activity', async () => {
    const device = await harness.device('info-1');
    const info = async () => get(`/api/device/info/${device.id}`);
    expect(await info()).toMatchObject({ name: 'info-1', deviceProfileName: 'smart-meter', active: false });
    harness.core.deviceApi.openSession(device, { send: () => true, close: () => undefined });
    const page = await get('/api/tenant/deviceInfos?textSearch=info-1');
    expect(page.data).toEqual([await info()]);
    const { id } = page.data[0].deviceProfileId;
    expect((await get(`/api/tenant/deviceInfos?deviceProfileId=${id}&textSearch=info-1`)).totalElements).toBe(1);
  });

  it('gives devices by ids, without the unknown ones', async () => {
    const [a, b] = [await harness.device('ids-1'), await harness.device('ids-2')];
    const nobody = '00000000-0000-0000-0000-000000000000';
    const found = await get(`/api/devices?deviceIds=${b.id},${nobody},${a.id}`);
    expect(found.map(({ name }: { name: string }) => name)).toEqual(['ids-2', 'ids-1']);
    expect((await get('/api/devices?deviceIds=x')).at).toBe('deviceIds');
    expect((await get('/api/tenant/device?deviceName=ids-1')).id.id).toBe(a.id);
  });

  it('gives the alarm rules of a profile that stands in the form of ThingsBoard', async () => {
    const provision = { type: 'DISABLED' };
    const key = { type: 'TIME_SERIES', key: 't' };
    const predicate = { type: 'NUMERIC', operation: 'GREATER', value: { defaultValue: 50 } };
    const condition = { condition: [{ key, valueType: 'NUMERIC', predicate }], spec: { type: 'SIMPLE' } };
    const alarms = [{ id: 'hot', alarmType: 'Hot', createRules: { MAJOR: { condition } } }];
    const transport = { type: 'DEFAULT' };
    const file = {
      name: 'exported',
      transportType: 'DEFAULT',
      provisionType: 'DISABLED',
      profileData: { transportConfiguration: transport, provisionConfiguration: provision, alarms },
    };
    const path = join(harness.chainsDir, '..', 'profiles', 'exported.json');
    writeFileSync(path, JSON.stringify(file));
    const found = async () =>
      (await get('/api/deviceProfiles')).data.find(({ name }: { name: string }) => name === 'exported');
    await expect.poll(found, { timeout: 10_000 }).toBeDefined();
    expect((await found()).profileData.alarms).toEqual(alarms);
    rmSync(path);
    await expect.poll(found, { timeout: 10_000 }).toBeUndefined();
  });

  it('gives profiles under ids that follow from their names, without keys and secrets', async () => {
    const page = await get('/api/deviceProfiles');
    expect(page.data.map(({ name }: { name: string }) => name)).toEqual(['limited', 'smart-meter']);
    const [, meter] = page.data;
    expect(meter).toMatchObject({
      provisionType: 'ALLOW_CREATE_NEW_DEVICES',
      provisionDeviceKey: null,
      transportType: 'DEFAULT',
      default: false,
    });
    expect(await get(`/api/deviceProfile/${meter.id.id}`)).toEqual(meter);
    expect(await get(`/api/deviceProfileInfo/${meter.id.id}`)).toMatchObject({ name: 'smart-meter' });
    expect((await get('/api/deviceProfileInfos?pageSize=1&page=1')).data[0].name).toBe('smart-meter');
    expect((await get('/api/deviceProfile/00000000-0000-0000-0000-000000000000')).code).toBe('NOT_FOUND');
  });
});
