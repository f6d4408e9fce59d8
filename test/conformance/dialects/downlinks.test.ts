import type { IPublishPacket } from 'mqtt-packet';
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
import { rpc } from './messages.ts';

const KINDS = {
  enos: { profile: 'rod', sys: `/sys/${ENOS.productKey}` },
  alibaba: { profile: 'light', sys: `/sys/${ALIBABA.productKey}` },
} as const;
type Kind = keyof typeof KINDS;

describe('what the server sends to devices of other dialects', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    dialects = await startDialects([enosProfile('rod'), alibabaProfile('light')], {
      env: { GRIDMOOR_RPC_MIN_TIMEOUT_MS: '500' },
    });
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const online = async (kind: Kind, name: string): Promise<{ id: string; client: MqttClient; own: string }> => {
    const { profile, sys } = KINDS[kind];
    const { id, deviceSecret: secret } = await addDevice(broker, profile, name);
    const names = kind === 'enos' ? enosNames({ deviceKey: name, secret }) : alibabaNames({ deviceName: name, secret });
    const client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client, own: `${sys}/${name}` };
  };
  const call = (id: string, method: string, params: unknown) => rpc(broker, id, { method, params, timeout: 10_000 });
  const packetOf = async (client: MqttClient): Promise<{ topic: string; payload: Buffer }> => {
    const { topic, payload } = (await client.next('publish')) as IPublishPacket;
    return { topic, payload: payload as Buffer };
  };
  /** Answers the next call by its envelope; gives what came. */
  const serve = async (client: MqttClient, data: unknown) => {
    const { topic, payload } = await packetOf(client);
    const { id, method, params } = JSON.parse(payload.toString());
    await client.publish(`${topic}_reply`, JSON.stringify({ id, code: 200, data }));
    return { topic, method, params };
  };

  it.each(['enos', 'alibaba'] as const)(
    '%s: a synchronous call has a topic of its own, and its response is what the device sent',
    async (kind) => {
      const { id, client, own } = await online(kind, `rrpc-${kind}`);
      await using _ = client;
      const answered = call(id, 'rrpc', 'ping');
      const { topic, payload } = await packetOf(client);
      expect(topic.replace(/\d+$/, 'N')).toBe(`${own}/rrpc/request/N`);
      expect(payload.toString()).toBe('ping');
      await client.publish(topic.replace('request', 'response'), '{"pong":1}');
      expect(await answered).toEqual({ status: 200, body: { pong: 1 } });
    },
  );

  it('Alibaba: a synchronous call on a topic of the device’s own comes below /ext/rrpc, and is answered there', async () => {
    const { id, client } = await online('alibaba', 'rrpc-own');
    await using _ = client;
    const answered = call(id, 'rrpc.user.get', { which: 'all' });
    const { topic, payload } = await packetOf(client);
    expect(topic).toMatch(new RegExp(`^/ext/rrpc/\\d+/${ALIBABA.productKey}/rrpc-own/user/get$`));
    expect(payload.toString()).toBe('{"which":"all"}');
    await client.publish(topic, '{"mine":[1]}');
    expect(await answered).toEqual({ status: 200, body: { mine: [1] } });
    await client.publish(`/ext/rrpc/7/sys/${ALIBABA.productKey}/rrpc-own/thing/x`, '{}'); // of no call
    await client.publish('/ext/rrpc/7', '{}');
    await client.alive();
  });

  it.each(['enos', 'alibaba'] as const)(
    '%s: bytes go down as they are, and the bytes of the reply answer the last such call',
    async (kind) => {
      const { id, client, own } = await online(kind, `raw-down-${kind}`);
      await using _ = client;
      await client.publish(`${own}/thing/model/down_raw_reply`, Buffer.from([9])); // of no call
      const answered = call(id, 'thing.model.down_raw', 'AP8H');
      const { topic, payload } = await packetOf(client);
      expect([topic, [...payload]]).toEqual([`${own}/thing/model/down_raw`, [0, 255, 7]]);
      await client.publish(`${topic}_reply`, Buffer.from([1, 254]));
      expect(await answered).toEqual({ status: 200, body: { raw: 'Af4=' } });
    },
  );

  it.each(['enos', 'alibaba'] as const)(
    '%s: values are asked for, and set, by calls that are answered',
    async (kind) => {
      const { id, client, own } = await online(kind, `set-get-${kind}`);
      await using _ = client;
      const what = kind === 'enos' ? 'measurepoint' : 'property';
      const read = call(id, `${what}.get`, ['power']);
      expect(await serve(client, { power: 3 })).toEqual({
        topic: `${own}/thing/service/${what}/get`,
        method: `thing.service.${what}.get`,
        params: ['power'],
      });
      expect(await read).toEqual({ status: 200, body: { power: 3 } });
      const set = call(id, `thing.service.${what}.set`, { limit: 5 });
      expect((await serve(client, {})).topic).toBe(`${own}/thing/service/${what}/set`);
      expect(await set).toEqual({ status: 200, body: {} });
    },
  );

  it.each([
    ['enos', 'thing.enable', 'thing/enable'],
    ['enos', 'thing.disable', 'thing/disable'],
    ['enos', 'traffic.control', 'traffic/control'],
    ['alibaba', 'thing.enable', 'thing/enable'],
    ['alibaba', 'thing.topo.add.notify', 'thing/topo/add/notify'],
    ['alibaba', 'thing.gateway.permit', 'thing/gateway/permit'],
    ['alibaba', 'thing.config.push', 'thing/config/push'],
  ] as const)('%s: the call %s takes its topic, and its reply completes it', async (kind, method, path) => {
    const { id, client, own } = await online(kind, `${kind}-${method.replaceAll('.', '-')}`);
    await using _ = client;
    const answered = call(id, method, { a: 1 });
    expect(await serve(client, { ok: true })).toEqual({ topic: `${own}/${path}`, method, params: { a: 1 } });
    expect(await answered).toEqual({ status: 200, body: { ok: true } });
  });

  it.each([
    ['enos', 'disable'],
    ['enos', 'delete'],
    ['alibaba', 'disable'],
    ['alibaba', 'delete'],
  ] as const)('%s: a device hears %s before its connection ends', async (kind, what) => {
    const { id, client, own } = await online(kind, `end-${kind}-${what}`);
    await using _ = client;
    if (what === 'delete') await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    else await api(broker, `/api/gridmoor/devices/${id}/disable`, { method: 'POST' });
    const { topic, payload } = await packetOf(client);
    expect(topic).toBe(`${own}/thing/${what}`);
    expect(JSON.parse(payload.toString())).toMatchObject({ version: '1.0', method: `thing.${what}`, params: {} });
    await client.ended();
  });
});
