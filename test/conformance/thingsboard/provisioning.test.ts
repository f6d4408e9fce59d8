import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, newDevice, provision, requestOf } from '../../helpers/system.ts';

const REQUEST = '/provision/request';
const NOT_FOUND = { errorMsg: 'Provision data was not found!', status: 'NOT_FOUND' };
const FAILURE = { errorMsg: 'Failed to provision device!', status: 'FAILURE' };
const PROFILES = {
  'smart-meter': {
    strategy: 'allow-create-new-devices',
    key: 'smart-meter',
    secret: { env: 'PROVISION_SECRET_SMART_METER' },
  },
  listed: { strategy: 'check-pre-provisioned-devices', key: 'listed', secret: { env: 'PROVISION_SECRET_SMART_METER' } },
  closed: { strategy: 'disabled', key: 'closed' },
  small: {
    strategy: 'allow-create-new-devices',
    key: 'small',
    secret: { env: 'PROVISION_SECRET_SMART_METER' },
    quota: 1,
  },
};

describe('thingsboard-device-api 12: provisioning', () => {
  let broker: Broker;
  let profilesDir: string;
  const session = (version: 4 | 5 = 4) =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName: 'provision' });
  const login = async (options: { clientId?: string; userName?: string; password?: string }) => {
    await using client = await MqttClient.open({ port: broker.ports.mqtt, ...options });
    return await client.connack();
  };
  const exists = async (name: string): Promise<boolean> => {
    const page = await api<{ data: { name: string }[] }>(
      broker,
      `/api/tenant/devices?pageSize=100&page=0&textSearch=${encodeURIComponent(name)}`,
    );
    return page.data.some((device) => device.name === name);
  };
  /** As an administrator does it: a device that waits to be provisioned. */
  const preProvision = (name: string, profile: string, token: string) =>
    api(broker, '/api/gridmoor/devices', {
      method: 'POST',
      body: { name, profile, credentials: { type: 'ACCESS_TOKEN', token }, keepSealed: true },
    });

  beforeAll(async () => {
    profilesDir = await mkdtemp(join(tmpdir(), 'gridmoor-profiles-'));
    for (const [name, provisioning] of Object.entries(PROFILES)) {
      await writeFile(join(profilesDir, `${name}.json`), JSON.stringify({ name, provision: provisioning }));
    }
    // The suite itself is a peer that is refused again and again: no pauses here, they have tests of their own.
    broker = await startBroker({ profilesDir, env: { GRIDMOOR_FREE_REFUSALS: '100000' } });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(profilesDir, { recursive: true, force: true });
  });

  it('16: a name with a token is created, and the token works', async () => {
    const answer = await provision(broker, { deviceName: 'p16', credentialsType: 'ACCESS_TOKEN', token: 'tok-p16' });
    expect(answer).toEqual({ credentialsValue: 'tok-p16', credentialsType: 'ACCESS_TOKEN', status: 'SUCCESS' });
    expect(await login({ userName: 'tok-p16' })).toBe(0);
  });

  it('17: without credential fields the token is 20 alphanumerics and works', async () => {
    const answer = await provision(broker, { deviceName: 'p17', credentialsType: 'MQTT_BASIC' });
    expect(answer).toMatchObject({ status: 'SUCCESS', credentialsType: 'ACCESS_TOKEN' });
    expect(answer.credentialsValue).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(await login({ userName: String(answer.credentialsValue) })).toBe(0);
  });

  it('18: a name that exists is FAILURE, and its device keeps its credentials', async () => {
    await newDevice(broker, 'p18', 'tok-p18');
    expect(await provision(broker, { deviceName: 'p18', token: 'tok-p18' })).toEqual(FAILURE);
    expect(await provision(broker, { deviceName: 'p18', token: 'tok-p18-new' })).toEqual(FAILURE);
    expect(await login({ userName: 'tok-p18' })).toBe(0);
    expect(await login({ userName: 'tok-p18-new' })).toBe(5);
  });

  it('19: a token of another device is FAILURE, and nothing is left behind', async () => {
    await newDevice(broker, 'p19', 'tok-p19');
    expect(await provision(broker, { deviceName: 'p19-other', token: 'tok-p19' })).toEqual(FAILURE);
    expect(await exists('p19-other')).toBe(false);
    expect(await provision(broker, { deviceName: 'p19-other', token: 'tok-p19-own' })).toMatchObject({
      status: 'SUCCESS',
    });
  });

  it('20: a wrong secret is NOT_FOUND', async () => {
    expect(await provision(broker, { deviceName: 'p20', provisionDeviceSecret: 'wrong' })).toEqual(NOT_FOUND);
    expect(await provision(broker, { deviceName: 'p20', provisionDeviceSecret: '' })).toEqual(NOT_FOUND);
    expect(await exists('p20')).toBe(false);
  });

  it('21: an unknown key and a disabled profile are NOT_FOUND', async () => {
    expect(await provision(broker, { deviceName: 'p21', provisionDeviceKey: 'nobody' })).toEqual(NOT_FOUND);
    expect(await provision(broker, { deviceName: 'p21', provisionDeviceKey: 'closed' })).toEqual(NOT_FOUND);
  });

  it.each([
    ['the secret missing', { provisionDeviceKey: 'smart-meter', deviceName: 'p22' }],
    ['the key missing', { provisionDeviceSecret: 'x' }],
    [
      'an unknown credentials type',
      { provisionDeviceKey: 'smart-meter', provisionDeviceSecret: 'x', credentialsType: 'access_token' },
    ],
    ['an object where text is expected', { provisionDeviceKey: {}, provisionDeviceSecret: 'x' }],
    ['no object', []],
  ])('22: %s gets no JSON answer and closes the connection', async (_name, body) => {
    await using v3 = await session(4);
    expect(await v3.publish(REQUEST, JSON.stringify(body))).toBe(0);
    await v3.ended();
    expect(v3.unread).not.toContain('publish');
    await using v5 = await session(5);
    expect(await v5.publish(REQUEST, JSON.stringify(body))).toBe(0x83);
    expect(await v5.ended()).toBe(0x83);
    expect(v5.unread).not.toContain('publish');
  });

  it('2.7: text that is no JSON: MQTT 5 gets 0x99 and stays, 3.1.1 is closed', async () => {
    await using v5 = await session(5);
    expect(await v5.publish(REQUEST, 'not json')).toBe(0x99);
    await v5.alive();
    await using v3 = await session(4);
    v3.send({ cmd: 'publish', topic: REQUEST, payload: 'not json', qos: 1, dup: false, retain: false, messageId: 1 });
    await v3.ended();
    expect(v3.unread).toEqual([]);
    await using qos0 = await session(5);
    qos0.publishQos0(REQUEST, 'not json');
    expect(await qos0.ended()).toBe(0x99);
  });

  it('23: MQTT_BASIC is answered with an object and works', async () => {
    const fields = { credentialsType: 'MQTT_BASIC', clientId: 'c23', username: 'u23', password: 'p23' };
    expect(await provision(broker, { deviceName: 'p23', ...fields })).toEqual({
      credentialsValue: { clientId: 'c23', userName: 'u23', password: 'p23' },
      credentialsType: 'MQTT_BASIC',
      status: 'SUCCESS',
    });
    expect(await login({ clientId: 'c23', userName: 'u23', password: 'p23' })).toBe(0);
    expect(await login({ clientId: 'c23', userName: 'u23', password: 'no' })).toBe(5);
  });

  it('2.5: credential fields that do not fit the type are FAILURE', async () => {
    const failing = [
      { credentialsType: 'ACCESS_TOKEN', username: 'u' },
      { credentialsType: 'MQTT_BASIC', password: 'p' },
      { credentialsType: 'MQTT_BASIC', clientId: 'c', password: 'p' },
      { credentialsType: 'LWM2M_CREDENTIALS', token: 't' },
      { token: 'with\u0001control' },
    ];
    for (const fields of failing) {
      expect(await provision(broker, { deviceName: 'p-fields', ...fields })).toEqual(FAILURE);
    }
    expect(await exists('p-fields')).toBe(false);
  });

  it('24: a certificate comes back without armour and line breaks', async () => {
    const hash = '-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n';
    const answer = await provision(broker, { deviceName: 'p24', credentialsType: 'X509_CERTIFICATE', hash });
    expect(answer).toEqual({ credentialsValue: 'MIIBAAAA', credentialsType: 'X509_CERTIFICATE', status: 'SUCCESS' });
  });

  it('25: without a name a device with a 20-character name is made', async () => {
    const answer = await provision(broker, { token: 'tok-p25' });
    expect(answer).toMatchObject({ status: 'SUCCESS', credentialsValue: 'tok-p25' });
    const page = await api<{ data: { name: string }[] }>(broker, '/api/tenant/devices?pageSize=1000&page=0');
    expect(page.data.some(({ name }) => /^[A-Za-z0-9]{20}$/.test(name))).toBe(true);
  });

  it('26: a blank name is FAILURE, outer spaces are trimmed', async () => {
    expect(await provision(broker, { deviceName: '   ' })).toEqual(FAILURE);
    expect(await provision(broker, { deviceName: '  p26  ' })).toMatchObject({ status: 'SUCCESS' });
    expect(await exists('p26')).toBe(true);
  });

  it.each(['<b>x</b>', 'x'.repeat(256), 'a\u0000b', '{{x}}'])('2.5: the name %j is FAILURE', async (deviceName) => {
    expect(await provision(broker, { deviceName })).toEqual(FAILURE);
  });

  it('27, 28: a pre-provisioned device gets its stored credentials once', async () => {
    await preProvision('p27', 'listed', 'tok-p27');
    const ask = { deviceName: 'p27', provisionDeviceKey: 'listed', token: 'another' };
    expect(await provision(broker, ask)).toEqual({
      credentialsValue: 'tok-p27',
      credentialsType: 'ACCESS_TOKEN',
      status: 'SUCCESS',
    });
    expect(await attributes(broker, 'p27', 'SERVER_SCOPE')).toMatchObject({ provisionState: 'provisioned' });
    expect(await login({ userName: 'tok-p27' })).toBe(0);
    expect(await login({ userName: 'another' })).toBe(5);
    expect(await provision(broker, ask)).toEqual(FAILURE);
  });

  it('29: pre-provisioned: an unknown name, no name, and a device of another profile are FAILURE', async () => {
    const provisionDeviceKey = 'listed';
    expect(await provision(broker, { deviceName: 'p29-unknown', provisionDeviceKey })).toEqual(FAILURE);
    expect(await provision(broker, { provisionDeviceKey })).toEqual(FAILURE);
    await newDevice(broker, 'p29');
    expect(await provision(broker, { deviceName: 'p29', provisionDeviceKey })).toEqual(FAILURE);
  });

  it('30: once provisionState is deleted the device can be provisioned again', async () => {
    await preProvision('p30', 'listed', 'tok-p30');
    const ask = { deviceName: 'p30', provisionDeviceKey: 'listed' };
    expect(await provision(broker, ask)).toMatchObject({ status: 'SUCCESS' });
    const id = await deviceId(broker, 'p30');
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SERVER_SCOPE?keys=provisionState`, { method: 'DELETE' });
    const again = await provision(broker, ask);
    expect(again).toMatchObject({ status: 'SUCCESS' });
    expect(await login({ userName: String(again.credentialsValue) })).toBe(0);
  });

  it('31, 2.2: the answer comes without a subscription, after the PUBACK', async () => {
    await using client = await session();
    await client.publish(REQUEST, requestOf(broker, { deviceName: 'p31' }));
    expect(await client.message()).toContain('/provision/response {"credentialsValue"');
  });

  it.each([
    [4, 0x80],
    [5, 0x8f],
  ] as const)('32: only the response topic can be subscribed (version %i)', async (version, refused) => {
    await using client = await session(version);
    expect(await client.subscribe('/provision/response', 'v1/devices/me/attributes')).toEqual([1, refused]);
  });

  it('33: publishing elsewhere: PUBACK 0x90, DISCONNECT 0x90; 3.1.1: plain PUBACK, close', async () => {
    await using v5 = await session(5);
    expect(await v5.publish('v1/devices/me/telemetry', '{"a":1}')).toBe(0x90);
    expect(await v5.ended()).toBe(0x90);
    await using v3 = await session(4);
    expect(await v3.publish('v1/devices/me/telemetry', '{"a":1}')).toBe(0);
    await v3.ended();
  });

  it('34: 50 sessions with the client id "provision" at once all succeed', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await using client = await MqttClient.connect({ port: broker.ports.mqtt, clientId: 'provision' });
        await client.publish(REQUEST, requestOf(broker, { deviceName: `p34-${i}`, token: `tok-p34-${i}` }));
        return await client.message();
      }),
    );
    for (const [i, answer] of answers.entries()) expect(answer).toContain(`"tok-p34-${i}"`);
  });

  it('35: gateway true marks the device', async () => {
    await provision(broker, { deviceName: 'p35', gateway: true });
    const device = await api<{ additionalInfo?: { gateway?: boolean } }>(broker, '/api/tenant/devices?deviceName=p35');
    expect(device.additionalInfo?.gateway).toBe(true);
  });

  it('36: null in an optional field counts as absent', async () => {
    const fields = { credentialsType: 'MQTT_BASIC', clientId: null, username: 'u36', password: null };
    expect(await provision(broker, { deviceName: 'p36', ...fields })).toMatchObject({ status: 'SUCCESS' });
    expect(await login({ clientId: 'x', userName: 'u36' })).toBe(0);
  });

  it('37, 2.8: HTTP answers 200 for all three statuses and 500 for a malformed request', async () => {
    const post = async (body: string) => {
      const response = await fetch(`${broker.url}/api/v1/provision`, { method: 'POST', body });
      return { status: response.status, body: await response.text() };
    };
    expect(await post(requestOf(broker, { deviceName: 'p37', provisionDeviceSecret: 'wrong' }))).toEqual({
      status: 200,
      body: JSON.stringify(NOT_FOUND),
    });
    const made = await post(requestOf(broker, { deviceName: 'p37', token: 'tok-p37' }));
    expect(made.status).toBe(200);
    expect(JSON.parse(made.body)).toMatchObject({ status: 'SUCCESS', credentialsValue: 'tok-p37' });
    expect(await post(requestOf(broker, { deviceName: 'p37' }))).toEqual({
      status: 200,
      body: JSON.stringify(FAILURE),
    });
    expect((await post('{"provisionDeviceKey":"smart-meter"}')).status).toBe(500);
    expect((await post('nonsense')).status).toBe(500);
  });

  it('38: /provision is an alias', async () => {
    await using client = await session();
    await client.publish('/provision', requestOf(broker, { deviceName: 'p38', token: 'tok-p38' }));
    expect(await client.message()).toBe(
      '/provision/response {"credentialsValue":"tok-p38","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}',
    );
  });

  it('40: of 20 simultaneous requests for one name exactly one succeeds', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => provision(broker, { deviceName: 'p40', token: `tok-p40-${i}` })),
    );
    expect(answers.filter(({ status }) => status === 'SUCCESS')).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 'FAILURE')).toHaveLength(19);
    const logins = await Promise.all(answers.map((_, i) => login({ userName: `tok-p40-${i}` })));
    expect(logins.filter((code) => code === 0)).toHaveLength(1);
  });

  it('two names that ask for one token at once: exactly one gets it, and the other leaves nothing', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `p41-${i}`);
    const answers = await Promise.all(names.map((deviceName) => provision(broker, { deviceName, token: 'tok-p41' })));
    expect(answers.filter(({ status }) => status === 'SUCCESS')).toHaveLength(1);
    const left = await Promise.all(names.map(exists));
    expect(left.filter(Boolean)).toHaveLength(1);
  });

  it("a profile's quota is FAILURE for the next device", async () => {
    const provisionDeviceKey = 'small';
    expect(await provision(broker, { deviceName: 'p42-a', provisionDeviceKey })).toMatchObject({ status: 'SUCCESS' });
    expect(await provision(broker, { deviceName: 'p42-b', provisionDeviceKey })).toEqual(FAILURE);
  });
});
