import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import {
  ALIBABA,
  addDevice,
  alibabaNames,
  alibabaProfile,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  openThing,
  startDialects,
} from './kit.ts';
import { latest, publishAndRead } from './messages.ts';

const E12 = '4D354EE5B93129477D347FDAC43AF290E756A4C2E537761A7036B21111A84645';
const E13 = 'DCBF129116DCEE05894CFB02F5C9A1AF0AF2E1A5056389B339467DE05AE6C232';
const A7 = '03bbe2c25edf3856e8d494c01530d58d6e39c3dd';
const SUB = '/sys/subPK/subDK/thing/measurepoint/post';
const GATE = '/ext/session/pK11111';

const product = (key: string, env: string) => ({ key, secrets: [{ secret: { env }, state: 'current' }] });
const open = { strategy: 'allow-create-new-devices', dynamic: true };
const plain = { allowPlaintextProvisioning: true };
const children = (...profiles: readonly string[]) => ({ gateway: { children: { profiles, maxPerRequest: 3 } } });

describe('gateways', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([
      enosProfile('gate', children('sub')),
      enosProfile('small-gate', {
        product: product('pKsmall', 'ENOS_SECRET'),
        gateway: { children: { profiles: ['sub'], max: 2 } },
      }),
      enosProfile('sub', { product: product('subPK', 'ENOS_SECRET'), provision: open, listeners: plain }),
      enosProfile('forbidden', { product: product('noPK', 'ENOS_SECRET'), provision: open, listeners: plain }),
      alibabaProfile('ali-gate', children('ali-sub')),
      alibabaProfile('ali-sub', {
        product: product('b1SubPk', 'ALIBABA_SECRET'),
        listeners: plain,
        compat: { legacyHashes: true },
      }),
    ]);
    broker = dialects.broker;
    await addDevice(broker, 'sub', 'subDK', 'subDS-aaaa');
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const gateway = async (deviceKey: string): Promise<{ id: string; client: MqttClient }> => {
    const { id, deviceSecret } = await addDevice(broker, 'gate', deviceKey);
    const client = await openThing(broker, enosNames({ deviceKey, secret: deviceSecret }), { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client };
  };
  const ask = async (client: MqttClient, topic: string, params: unknown, more = {}) => {
    const text = await publishAndRead(client, topic, { id: '1', params, ...more });
    expect(text.split(' ')[0]).toBe(`${topic}_reply`);
    return JSON.parse(text.slice(text.indexOf(' ') + 1));
  };
  const e12 = {
    productKey: 'subPK',
    deviceKey: 'subDK',
    clientId: 'subPK.subDK.1700000000000',
    timestamp: '1700000000000',
    signMethod: 'sha256',
    sign: E12,
    secureMode: '2',
  };
  const signed = (deviceKey: string, secret: string) => {
    const clientId = `subPK.${deviceKey}.1`;
    const content = `clientId${clientId}deviceKey${deviceKey}productKeysubPKtimestamp1${secret}`;
    const sign = createHash('sha256').update(content).digest('hex');
    return { productKey: 'subPK', deviceKey, clientId, timestamp: 1, signMethod: 'sha256', sign, secureMode: '2' };
  };

  it('case 35: two sub-devices of an allowed profile get secrets, one of another is reported and not created', async () => {
    const { client } = await gateway('gw-35');
    await using _ = client;
    const answer = await ask(client, '/sys/pK11111/gw-35/thing/device/register', [
      { productKey: 'subPK', deviceKey: 'reg-1' },
      { productKey: 'noPK', deviceKey: 'reg-2' },
      { productKey: 'subPK', deviceKey: 'reg-3' },
    ]);
    expect(answer).toEqual({
      id: '1',
      code: 200,
      data: [
        { assetId: expect.any(String), productKey: 'subPK', deviceKey: 'reg-1', deviceSecret: expect.any(String) },
        { productKey: 'noPK', deviceKey: 'reg-2', code: 1009, message: 'the sub-device is not registered' },
        { assetId: expect.any(String), productKey: 'subPK', deviceKey: 'reg-3', deviceSecret: expect.any(String) },
      ],
    });
    await expect(api(broker, '/api/tenant/devices?deviceName=reg-2')).rejects.toThrow('404');
    const login = signed('reg-1', answer.data[0].deviceSecret);
    expect((await ask(client, `${GATE}/gw-35/combine/login`, login)).code).toBe(200);
    const four = Array.from({ length: 4 }, (_, at) => ({ productKey: 'subPK', deviceKey: `many-${at}` }));
    expect((await ask(client, '/sys/pK11111/gw-35/thing/device/register', four)).code).toBe(1220);
    const anonymous = await ask(client, '/sys/pK11111/gw-35/thing/device/register', [{ productKey: 'subPK' }]);
    expect(anonymous.data[0].deviceKey).toMatch(/^[0-9a-f]{16}$/);
  });

  it('case 36: what a gateway publishes for a sub-device is stored between its login by E12 and its logout, and refused else', async () => {
    const { client } = await gateway('gw-36');
    await using _ = client;
    const { id } = await api<{ id: { id: string } }>(broker, '/api/tenant/devices?deviceName=subDK').then((d) => d.id);
    const post = (value: number) =>
      ask(client, SUB, { measurepoints: { power: value }, time: 1_700_000_000_000 + value });
    expect((await post(1)).code).toBe(1009);
    expect((await ask(client, `${GATE}/gw-36/combine/login`, { ...e12, sign: E13 })).code).toBe(1009);
    expect((await post(2)).code).toBe(1009);
    expect(await ask(client, `${GATE}/gw-36/combine/login`, e12, { method: 'combine.login' })).toEqual({
      id: '1',
      code: 200,
      data: { assetId: id, productKey: 'subPK', deviceKey: 'subDK' },
    });
    expect((await post(3)).code).toBe(200);
    expect(await latest(broker, id)).toEqual({ power: [1_700_000_000_003, 3] });
    expect((await ask(client, `${GATE}/gw-36/combine/logout`, { productKey: 'subPK', deviceKey: 'subDK' })).code).toBe(
      200,
    );
    expect((await post(4)).code).toBe(1009);
    expect(await latest(broker, id)).toEqual({ power: [1_700_000_000_003, 3] });
  });

  it('a batch login by E13 says who is in; calls for a sub-device come over the gateway; the newest login wins', async () => {
    const { client } = await gateway('gw-batch');
    await using _ = client;
    const { deviceSecret } = await addDevice(broker, 'sub', 'batch-2');
    const batch = {
      timestamp: '1700000000000',
      signMethod: 'sha256',
      subDevices: [
        { productKey: 'subPK', deviceKey: 'subDK', secureMode: '2', sign: E13 },
        { productKey: 'subPK', deviceKey: 'batch-2', secureMode: '2', sign: E13 },
      ],
    };
    expect(await ask(client, `${GATE}/gw-batch/combine/login/batch`, batch)).toMatchObject({
      code: 800,
      data: {
        loginedSubDevices: [{ productKey: 'subPK', deviceKey: 'subDK' }],
        failedSubDevices: [{ productKey: 'subPK', deviceKey: 'batch-2' }],
      },
    });
    const { id } = await api<{ id: { id: string } }>(broker, '/api/tenant/devices?deviceName=subDK').then((d) => d.id);
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { level: 2 } });
    expect(await client.message()).toContain('/sys/subPK/subDK/thing/service/measurepoint/set {');

    const other = await gateway('gw-other');
    await using __ = other.client;
    expect((await ask(other.client, `${GATE}/gw-other/combine/login`, e12)).code).toBe(200);
    expect(await client.message()).toMatch(/^\/ext\/session\/pK11111\/gw-batch\/combine\/disable \{"id":"taken-over"/);
    expect((await ask(client, SUB, { measurepoints: { a: 1 } })).code).toBe(1009);
    expect((await ask(client, `${GATE}/gw-batch/combine/login`, signed('batch-2', deviceSecret))).code).toBe(200);
  });

  it('a sub-device of secureMode 3 gets its secret with the login; a deleted one is told of', async () => {
    const { client } = await gateway('gw-three');
    await using _ = client;
    const login = { ...signed('dynamic-1', ENOS.productSecret), secureMode: '3' };
    const { data } = await ask(client, `${GATE}/gw-three/combine/login`, login);
    expect(data.deviceSecret).toMatch(/^[0-9a-f]{32}$/);
    expect((await ask(client, '/sys/subPK/dynamic-1/thing/measurepoint/post', { measurepoints: { a: 1 } })).code).toBe(
      200,
    );
    await api(broker, `/api/device/${data.assetId}`, { method: 'DELETE' });
    expect(await client.message()).toBe(
      '/ext/session/pK11111/gw-three/combine/delete {"id":"device-deleted","version":"1.0","method":"combine.delete","params":{"productKey":"subPK","deviceKey":"dynamic-1"}}',
    );
  });

  it('a topology is signed, listed and deleted; it lets a batch be stored for sub-devices that are offline', async () => {
    const { id, client } = await gateway('gw-topo');
    await using _ = client;
    const topo = '/sys/pK11111/gw-topo/thing/topo';
    expect((await ask(client, `${topo}/add`, [e12, { ...e12, sign: E13 }])).code).toBe(1009);
    expect((await ask(client, `${topo}/get`, {})).data).toEqual([]);
    expect((await ask(client, `${topo}/add`, [e12])).code).toBe(200);
    expect((await ask(client, `${topo}/get`, {})).data).toEqual([{ productKey: 'subPK', deviceKey: 'subDK' }]);
    const batch = '/sys/pK11111/gw-topo/thing/measurepoint/post/batch';
    const items = [
      { measurepoints: { own: 1 } },
      { productKey: 'subPK', deviceKey: 'subDK', measurepoints: { offline: 2 }, time: 1_700_000_000_000 },
    ];
    expect((await ask(client, batch, items)).code).toBe(1009);
    expect(await latest(broker, id)).toEqual({});
    expect((await ask(client, batch, items, { allowOfflineSubDevice: true })).code).toBe(200);
    expect(Object.keys(await latest(broker, id))).toEqual(['own']);
    const late = [{ measurepoints: { whole: 1 } }, { ...items[1], time: 'noon' }];
    expect(await ask(client, batch, late, { allowOfflineSubDevice: true })).toMatchObject({
      code: 1220,
      message: '"time" must be an integer of milliseconds',
    });
    const longKey = [late[0], { ...items[1], measurepoints: { ['k'.repeat(256)]: 1 } }];
    expect((await ask(client, batch, longKey, { allowOfflineSubDevice: true })).code).toBe(1220);
    const skips = { allowOfflineSubDevice: true, skipInvalidMeasurepoints: true };
    expect((await ask(client, batch, [items[0], late[1]], skips)).code).toBe(200);
    expect(Object.keys(await latest(broker, id))).toEqual(['own']);
    const broken = [{ measurepoints: 7 }, { measurepoints: { kept: 1 } }];
    expect((await ask(client, batch, broken)).code).toBe(1220);
    expect((await ask(client, batch, broken, { skipInvalidMeasurepoints: true })).code).toBe(200);
    expect(Object.keys(await latest(broker, id)).sort()).toEqual(['kept', 'own']);
    expect((await ask(client, `${topo}/delete`, [{ productKey: 'subPK', deviceKey: 'subDK' }])).code).toBe(200);
    expect((await ask(client, batch, items, { allowOfflineSubDevice: true })).code).toBe(1009);
  });

  it('of a topology that is larger than the gateway may have, nothing is added', async () => {
    const names = ['full-1', 'full-2', 'full-3'];
    const signs = [];
    for (const name of names) signs.push(signed(name, (await addDevice(broker, 'sub', name)).deviceSecret));
    const { deviceSecret: secret } = await addDevice(broker, 'small-gate', 'gw-small');
    const login = enosNames({ deviceKey: 'gw-small', secret, productKey: 'pKsmall' });
    await using client = await openThing(broker, login, { tls: false });
    expect(await client.connack()).toBe(0);
    const topo = '/sys/pKsmall/gw-small/thing/topo';
    expect((await ask(client, `${topo}/add`, signs)).code).toBe(1009);
    expect((await ask(client, `${topo}/get`, {})).data).toEqual([]);
    const [first, second] = signs;
    expect((await ask(client, `${topo}/add`, [first, first, second])).code).toBe(200);
    expect((await ask(client, `${topo}/add`, [second])).code).toBe(200);
    expect((await ask(client, `${topo}/get`, {})).data).toHaveLength(2);
  });

  it('a device whose profile names no sub-devices is no gateway', async () => {
    const { deviceSecret } = await addDevice(broker, 'sub', 'no-gateway');
    const names = enosNames({ deviceKey: 'no-gateway', secret: deviceSecret, productKey: 'subPK' });
    await using client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    expect((await ask(client, '/ext/session/subPK/no-gateway/combine/login', e12)).code).toBe(1009);
    expect((await ask(client, '/sys/subPK/no-gateway/thing/topo/get', {})).code).toBe(1009);
    await client.publish(SUB, '{}');
    await client.alive();
  });

  it.each([
    ['combine/login', 7],
    ['combine/login', { ...e12, sign: {} }],
    ['combine/login', { ...e12, clientId: 'x'.repeat(600) }],
    ['combine/login/batch', { subDevices: {} }],
    ['combine/login/batch', { subDevices: [e12, e12, e12, e12] }],
    ['combine/logout', []],
  ])('%s refuses what it cannot read: %#', async (path, params) => {
    const name = `gw-${createHash('md5')
      .update(path + JSON.stringify(params))
      .digest('hex')}`;
    const { client } = await gateway(name);
    await using _ = client;
    expect((await ask(client, `${GATE}/${name}/${path}`, params)).code).toBe(1220);
  });

  it('Alibaba: a sub-device of A7 joins, logs in without a method, publishes, and 520 follows its logout', async () => {
    await addDevice(broker, 'ali-sub', 'sub-1', 'subds-0123456789');
    const { id, deviceSecret } = await addDevice(broker, 'ali-gate', 'gate-1');
    await using client = await openThing(broker, alibabaNames({ deviceName: 'gate-1', secret: deviceSecret }), {
      tls: false,
    });
    expect(await client.connack()).toBe(0);
    const a7 = { productKey: 'b1SubPk', deviceName: 'sub-1', clientId: 'b1SubPk.sub-1', timestamp: '1700000000000' };
    const topo = `/sys/${ALIBABA.productKey}/gate-1/thing/topo`;
    expect((await ask(client, `${topo}/add`, [{ ...a7, signmethod: 'hmacsha1', sign: A7 }])).code).toBe(200);
    expect((await ask(client, `${topo}/get`, {})).data).toEqual([{ productKey: 'b1SubPk', deviceName: 'sub-1' }]);
    const relations = await api<unknown[]>(broker, `/api/relations?fromId=${id}&fromType=DEVICE`);
    expect(relations).toMatchObject([{ type: 'Contains' }]);
    const session = `/ext/session/${ALIBABA.productKey}/gate-1/combine`;
    const post = () => ask(client, '/sys/b1SubPk/sub-1/thing/event/property/post', { on: true });
    expect((await post()).code).toBe(520);
    const login = { ...a7, signMethod: 'hmacsha1', sign: A7.toUpperCase(), cleanSession: true };
    expect((await ask(client, `${session}/login`, login)).code).toBe(200);
    expect((await post()).code).toBe(200);
    const sub = { productKey: 'b1SubPk', deviceName: 'sub-1' };
    expect((await ask(client, `${session}/logout`, sub)).code).toBe(200);
    expect((await post()).code).toBe(520);

    const { deviceSecret: second } = await addDevice(broker, 'ali-sub', 'sub-2');
    const content = 'clientIdsub-2|_v=1|deviceNamesub-2productKeyb1SubPk';
    const sign = createHmac('sha256', second).update(content).digest('hex');
    const deviceList = [
      { productKey: 'b1SubPk', deviceName: 'sub-2', clientId: 'sub-2|_v=1|', signMethod: 'hmacSha256', sign },
    ];
    expect((await ask(client, `${session}/batch_login`, { deviceList })).code).toBe(200);
    await addDevice(broker, 'ali-sub', 'sub-3');
    const registered = await ask(client, `/sys/${ALIBABA.productKey}/gate-1/thing/sub/register`, [
      { productKey: 'b1SubPk', deviceName: 'sub-3' },
      { productKey: 'b1SubPk', deviceName: 'sub-unknown' },
    ]);
    expect(registered.data).toEqual([
      { iotId: expect.any(String), productKey: 'b1SubPk', deviceName: 'sub-3', deviceSecret: expect.any(String) },
      { productKey: 'b1SubPk', deviceName: 'sub-unknown', code: 401, message: 'the sub-device is not registered' },
    ]);
  });
});
