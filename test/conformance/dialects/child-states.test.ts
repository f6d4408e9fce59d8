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
import { publishAndRead } from './messages.ts';

const product = (key: string, env: string) => ({ key, secrets: [{ secret: { env }, state: 'current' }] });
const children = (profile: string) => ({ gateway: { children: { profiles: [profile], maxPerRequest: 5 } } });

describe('sub-devices that are disabled, enabled, deleted', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([
      enosProfile('gate', children('sub')),
      enosProfile('sub', { product: product('subPK', 'ENOS_SECRET') }),
      alibabaProfile('ali-gate', children('ali-sub')),
      alibabaProfile('ali-sub', { product: product('b1SubPk', 'ALIBABA_SECRET') }),
    ]);
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const gateway = async (profile: 'gate' | 'ali-gate', name: string): Promise<MqttClient> => {
    const { deviceSecret: secret } = await addDevice(broker, profile, name);
    const enos = profile === 'gate';
    const names = enos ? enosNames({ deviceKey: name, secret }) : alibabaNames({ deviceName: name, secret });
    const client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    return client;
  };
  const ask = async (client: MqttClient, topic: string, params: unknown) => {
    const text = await publishAndRead(client, topic, { id: '1', params });
    expect(text.split(' ')[0]).toBe(`${topic}_reply`);
    return JSON.parse(text.slice(text.indexOf(' ') + 1));
  };
  const enosLogin = (deviceKey: string, secret: string) => {
    const content = `clientId${deviceKey}deviceKey${deviceKey}productKeysubPKtimestamp1${secret}`;
    const sign = createHash('sha256').update(content).digest('hex');
    const names = { productKey: 'subPK', deviceKey, clientId: deviceKey };
    return { ...names, timestamp: 1, signMethod: 'sha256', sign, secureMode: '2' };
  };
  const alibabaLogin = (deviceName: string, secret: string, productKey = 'b1SubPk') => {
    const content = `clientId${deviceName}deviceName${deviceName}productKey${productKey}`;
    const sign = createHmac('sha256', secret).update(content).digest('hex');
    return { productKey, deviceName, clientId: deviceName, signMethod: 'hmacsha256', sign };
  };
  const change = (id: string, what: 'disable' | 'enable') =>
    api(broker, `/api/gridmoor/devices/${id}/${what}`, { method: 'POST' });

  it('EnOS: a gateway hears that its sub-device is disabled and enabled, and logs it in again', async () => {
    await using client = await gateway('gate', 'gw-enable');
    const { id, deviceSecret } = await addDevice(broker, 'sub', 'leaf-1');
    const session = `/ext/session/${ENOS.productKey}/gw-enable/combine`;
    const login = () => ask(client, `${session}/login`, enosLogin('leaf-1', deviceSecret));
    expect((await login()).code).toBe(200);
    const params = '{"productKey":"subPK","deviceKey":"leaf-1"}';
    await change(id, 'disable');
    expect(await client.message()).toBe(
      `${session}/disable {"id":"device-disabled","version":"1.0","method":"combine.disable","params":${params}}`,
    );
    expect((await login()).code).toBe(1009);
    await change(id, 'enable');
    const enabled = await client.message();
    expect(enabled).toMatch(new RegExp(`^${session}/enable \\{"id":"\\d+","version":"1.0","method":"combine.enable"`));
    expect(enabled).toContain(`"params":${params}}`);
    const { id: call } = JSON.parse(enabled.slice(enabled.indexOf(' ')));
    await client.publish(`${session}/enable_reply`, JSON.stringify({ id: call, code: 200, data: {} }));
    expect((await login()).code).toBe(200);
  });

  it('EnOS: a gateway that was away hears at its login that a sub-device was enabled meanwhile', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'sub', 'leaf-2');
    const { deviceSecret: secret } = await addDevice(broker, 'gate', 'gw-away');
    const names = enosNames({ deviceKey: 'gw-away', secret });
    {
      await using client = await openThing(broker, names, { tls: false });
      expect(await client.connack()).toBe(0);
      const topic = `/ext/session/${ENOS.productKey}/gw-away/combine/login`;
      expect((await ask(client, topic, enosLogin('leaf-2', deviceSecret))).code).toBe(200);
    }
    await change(id, 'disable');
    await change(id, 'enable');
    await using again = await openThing(broker, names, { tls: false });
    expect(await again.connack()).toBe(0);
    expect(await again.message()).toContain('/gw-away/combine/enable {');
  });

  it('Alibaba: the sub-device’s own topics say so over its gateway, 520 follows, and a login meanwhile is 6204', async () => {
    await using client = await gateway('ali-gate', 'ali-enable');
    const { id, deviceSecret } = await addDevice(broker, 'ali-sub', 'leaf-3');
    const topic = `/ext/session/${ALIBABA.productKey}/ali-enable/combine/login`;
    const login = () => ask(client, topic, alibabaLogin('leaf-3', deviceSecret));
    expect((await login()).code).toBe(200);
    await change(id, 'disable');
    const own = '/sys/b1SubPk/leaf-3/thing';
    expect(await client.message()).toBe(
      `${own}/disable {"id":"device-disabled","version":"1.0","method":"thing.disable","params":{}}`,
    );
    expect(await client.message()).toBe(
      `/ext/error/${ALIBABA.productKey}/ali-enable {"id":"","code":520,"message":"no session","data":{"productKey":"b1SubPk","deviceName":"leaf-3"}}`,
    );
    await client.publish(`${own}/disable_reply`, '{"id":"device-disabled","code":200}'); // no answer to an answer
    expect((await login()).code).toBe(6204);
    const topo = `/sys/${ALIBABA.productKey}/ali-enable/thing/topo/add`;
    expect((await ask(client, topo, [alibabaLogin('leaf-3', deviceSecret)])).code).toBe(6204);
    expect((await ask(client, topic, alibabaLogin('leaf-3', 'wrong'))).code).toBe(401);
    await change(id, 'enable');
    expect(await client.message()).toMatch(new RegExp(`^${own}/enable \\{"id":"\\d+",.*"method":"thing.enable"`));
    expect((await login()).code).toBe(200);
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    expect(await client.message()).toContain(`${own}/delete {"id":"device-deleted"`);
    expect(await client.message()).toContain('"code":520');
  });

  it.each([
    ['gate', ENOS.productKey, 'deviceKey', 1009],
    ['ali-gate', ALIBABA.productKey, 'deviceName', 6402],
  ] as const)('a gateway of %s is no sub-device of its own', async (profile, productKey, key, code) => {
    const name = `self-${profile}`;
    await using client = await gateway(profile, name);
    const item = { productKey, [key]: name, clientId: 'x', sign: 'ab', signMethod: 'sha256', timestamp: 1 };
    expect((await ask(client, `/sys/${productKey}/${name}/thing/topo/add`, [item])).code).toBe(code);
  });

  it('Alibaba: sub-devices log out in a batch, and leave the topology by sub/unregister', async () => {
    await using client = await gateway('ali-gate', 'ali-batch');
    const { deviceSecret } = await addDevice(broker, 'ali-sub', 'leaf-4');
    const own = `/sys/${ALIBABA.productKey}/ali-batch/thing`;
    const session = `/ext/session/${ALIBABA.productKey}/ali-batch/combine`;
    const leaf = { productKey: 'b1SubPk', deviceName: 'leaf-4' };
    expect((await ask(client, `${own}/topo/add`, [alibabaLogin('leaf-4', deviceSecret)])).code).toBe(200);
    expect((await ask(client, `${session}/login`, alibabaLogin('leaf-4', deviceSecret))).code).toBe(200);
    const post = () => ask(client, '/sys/b1SubPk/leaf-4/thing/event/property/post', { on: 1 });
    expect((await post()).code).toBe(200);
    expect(await ask(client, `${session}/batch_logout`, [leaf])).toMatchObject({ code: 200, data: [leaf] });
    expect((await post()).code).toBe(520);
    expect(await ask(client, `${own}/sub/unregister`, [leaf])).toMatchObject({ code: 200, data: [leaf] });
    expect((await ask(client, `${own}/topo/get`, {})).data).toEqual([]);
  });
});
