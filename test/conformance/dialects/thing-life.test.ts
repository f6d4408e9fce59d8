import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventTypes } from '../../helpers/event-chain.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
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
import { history, latest, publishAndRead } from './messages.ts';

const LONG = { timeout: 10_000 };
const model = { version: '1.0', measurepoints: { power: { type: 'double', min: 0 } } };

describe('sessions of other dialects', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  beforeAll(async () => {
    chain = await eventChain('Other');
    dialects = await startDialects(
      [enosProfile('rod', { model }), alibabaProfile('light', { gateway: { children: { profiles: ['light'] } } })],
      { chainsDir: chain.chainsDir },
    );
    broker = dialects.broker;
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  const connectivity = async (name: string) =>
    (await eventTypes(broker, name)).filter((type) => /^(DIS)?CONNECT_EVENT$/.test(type));

  it('case 38: a device that falls silent is offline after 1.5 keep-alives, once, and online again, once', async () => {
    const { deviceSecret } = await addDevice(broker, 'rod', 'silent');
    const names = enosNames({ deviceKey: 'silent', secret: deviceSecret });
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, keepalive: 1, ...names });
    const since = performance.now();
    await client.ended(10_000);
    expect(performance.now() - since).toBeGreaterThan(1_400);
    await expect.poll(() => connectivity('silent'), LONG).toEqual(['CONNECT_EVENT', 'DISCONNECT_EVENT']);
    await using again = await openThing(broker, names, { tls: false });
    expect(await again.connack()).toBe(0);
    await expect
      .poll(() => connectivity('silent'), LONG)
      .toEqual(['CONNECT_EVENT', 'DISCONNECT_EVENT', 'CONNECT_EVENT']);
  });

  it('a device hears that it is deleted before its connection ends', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'light', 'light-gone');
    const names = alibabaNames({ deviceName: 'light-gone', secret: deviceSecret });
    await using client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    expect(await client.message()).toMatch(/^\/sys\/a1AbCdEfGhI\/light-gone\/thing\/delete \{/);
    await client.ended();
  });

  it('a device fetches the thing model of its profile, and is held to it', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', 'modelled');
    const names = enosNames({ deviceKey: 'modelled', secret: deviceSecret });
    await using client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    const thing = `/sys/${ENOS.productKey}/modelled/thing`;
    const text = await publishAndRead(client, `${thing}/tsltemplate/get`, { id: '1', params: {} });
    expect(JSON.parse(text.slice(text.indexOf(' '))).data).toMatchObject(model);
    const post = (measurepoints: unknown) =>
      publishAndRead(client, `${thing}/measurepoint/post`, { id: '2', params: { measurepoints } });
    expect(await post({ power: 'hot' })).toContain('"code":1220');
    expect(await latest(broker, id)).toEqual({});
    expect(await post({ power: 5 })).toContain('"code":200');
  });

  it('a client that packs its payloads in a way that is not known is closed', async () => {
    const { deviceSecret } = await addDevice(broker, 'rod', 'lzo');
    const names = enosNames({ deviceKey: 'lzo', secret: deviceSecret, braces: '{ip=10.0.0.5,compress=LZO}' });
    await using client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    const topic = `/sys/${ENOS.productKey}/lzo/thing/measurepoint/post`;
    client.send({ cmd: 'publish', topic, payload: '{}', qos: 1, dup: false, retain: false, messageId: 1 });
    await client.ended();
    await expect.poll(() => broker.logs().some(({ event }) => event === 'thing.compression'), LONG).toBe(true);
  });

  it('Alibaba: packs and histories are stored whole or not at all, each value at its time', async () => {
    const { id, deviceSecret } = await addDevice(broker, 'light', 'light-pack');
    const names = alibabaNames({ deviceName: 'light-pack', secret: deviceSecret });
    await using client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    const at = 1_700_000_000_000;
    const post = (what: string, params: unknown) =>
      publishAndRead(client, `/sys/${ALIBABA.productKey}/light-pack/thing/event/property/${what}/post`, {
        id: '1',
        params,
      });
    const power = [
      { value: 1, time: at },
      { value: 2, time: at + 1 },
    ];
    expect(await post('pack', { properties: { power, on: true } })).toContain('"code":200');
    expect(await history(broker, id, 'power', at, at + 10)).toEqual([
      [at + 1, 2],
      [at, 1],
    ]);
    const stranger = { identity: { productKey: ALIBABA.productKey, deviceName: 'nobody' }, properties: { a: 1 } };
    expect(await post('pack', { properties: { b: 1 }, subDevices: [stranger] })).toContain('"code":520');
    expect(Object.keys(await latest(broker, id)).sort()).toEqual(['on', 'power']);
    const own = { identity: { productKey: ALIBABA.productKey, deviceName: 'light-pack' } };
    const past = [{ ...own, properties: [{ power: { value: 9, time: at - 9 } }] }];
    expect(await post('history', past)).toContain('"code":200');
    expect((await latest(broker, id)).power).toEqual([at + 1, 2]);
    for (const wrong of [7, [], { subDevices: {} }, { events: [7] }, { events: { 'a/b': {} } }]) {
      expect(await post('pack', wrong)).toContain('"code":460');
    }
    expect(await post('history', {})).toContain('"code":460');
  });
});
