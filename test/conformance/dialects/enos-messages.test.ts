import { gunzipSync, gzipSync } from 'node:zlib';
import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { addDevice, type DialectBroker, enosNames, enosProfile, openThing, startDialects } from './kit.ts';
import { history, latest, publishAndRead, rpc } from './messages.ts';

const SYS = '/sys/pK11111';

describe('messages of EnOS', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  beforeAll(async () => {
    chain = await eventChain('Other');
    dialects = await startDialects([enosProfile('rod')], {
      chainsDir: chain.chainsDir,
      env: { MQTT_MAX_PAYLOAD_BYTES: '1000000', GRIDMOOR_RPC_MIN_TIMEOUT_MS: '500' },
    });
    broker = dialects.broker;
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  const online = async (deviceKey: string, braces = ''): Promise<{ id: string; client: MqttClient }> => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', deviceKey);
    const client = await openThing(broker, enosNames({ deviceKey, secret: deviceSecret, braces }), { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client };
  };

  it('case 39: a post is answered with its id and 200, another method with 1260, 513 KB with 1008', async () => {
    const { id, client } = await online('meter-39');
    await using _ = client;
    const topic = `${SYS}/meter-39/thing/measurepoint/post`;
    const method = 'thing.measurepoint.post';
    const params = { measurepoints: { power: 7, phase: { value: 1.5, quality: 9 } }, time: 1_700_000_000_000 };
    const text = await publishAndRead(client, topic, { id: '77', version: '1.0', method, params });
    expect(text).toBe(`${topic}_reply {"id":"77","code":200,"data":{}}`);
    expect(await latest(broker, id)).toEqual({
      power: [1_700_000_000_000, 7],
      phase: [1_700_000_000_000, 1.5],
      phase_quality: [1_700_000_000_000, 9],
    });
    const numeric = await publishAndRead(client, topic, { id: 12345678901234567890n, method, params });
    expect(numeric).toContain('"id":12345678901234567890,');

    const mismatch = await publishAndRead(client, topic, { id: '78', method: 'thing.event.x.post', params });
    expect(mismatch).toContain('{"id":"78","code":1260,');
    const large = await publishAndRead(client, topic, { id: '79', method, params: { pad: 'x'.repeat(513 * 1024) } });
    expect(large).toContain('"code":1008');
    await client.alive();
  });

  it.each([
    ['an empty payload', '', 1251],
    ['text that is no JSON', '{', 1220],
    ['an array', '[]', 1220],
    ['an object as id', '{"id":{},"params":{}}', 1220],
    ['no params', '{"id":"1"}', 1220],
    ['measurepoints of another type', '{"id":"1","params":{"measurepoints":[1]}}', 1220],
    ['a time that is no number', '{"id":"1","params":{"measurepoints":{"a":1},"time":"now"}}', 1220],
    ['an empty key', '{"id":"1","params":{"measurepoints":{"":1}}}', 1220],
  ])('a post is refused by code and the connection stays: %s', async (what, payload, code) => {
    const name = `bad-${what.replaceAll(/[^a-z]/g, '-')}`.slice(0, 60);
    const { id, client } = await online(name);
    await using _ = client;
    const text = await publishAndRead(client, `${SYS}/${name}/thing/measurepoint/post`, payload);
    expect(text).toContain(`"code":${code}`);
    expect(await latest(broker, id)).toEqual({});
    await client.alive();
  });

  it('a key __proto__ is a measurepoint like any other', async () => {
    const { id, client } = await online('proto');
    await using _ = client;
    const payload = '{"id":"1","params":{"measurepoints":{"__proto__":{"value":4},"b":5}}}';
    expect(await publishAndRead(client, `${SYS}/proto/thing/measurepoint/post`, payload)).toContain('"code":200');
    expect(Object.keys(await latest(broker, id)).sort()).toEqual(['__proto__', 'b']);
  });

  it('a request with "sys": {"ack": 0} is stored and gets no reply; a topic of another device has no meaning', async () => {
    const { id, client } = await online('quiet');
    await using _ = client;
    const topic = `${SYS}/quiet/thing/measurepoint/post`;
    await client.publish(topic, JSON.stringify({ id: '1', sys: { ack: 0 }, params: { measurepoints: { a: 1 } } }));
    await client.publish('v1/devices/me/telemetry', '{"b":2}');
    expect(await publishAndRead(client, topic, { id: '2', params: { measurepoints: { c: 3 } } })).toContain('"id":"2"');
    expect(Object.keys(await latest(broker, id)).sort()).toEqual(['a', 'c']);
  });

  it('case 49: a value that is resumed late is in the history and does not overwrite a newer one', async () => {
    const { id, client } = await online('late');
    await using _ = client;
    const at = 1_700_000_000_000;
    const post = (what: string, seconds: number, value: number) =>
      publishAndRead(client, `${SYS}/late/thing/measurepoint/${what}`, {
        id: '1',
        params: { measurepoints: { p: value }, time: at + seconds * 1000 },
      });
    expect(await post('post', 10, 100)).toContain('"code":200');
    expect(await post('resume', 5, 50)).toContain('"code":200');
    expect(await latest(broker, id)).toEqual({ p: [at + 10_000, 100] });
    expect(await history(broker, id, 'p', at, at + 20_000)).toEqual([
      [at + 10_000, 100],
      [at + 5_000, 50],
    ]);
  });

  it('events, logs and raw bytes reach the chain as messages of types of their own', async () => {
    const { client } = await online('teller');
    await using _ = client;
    const events = { code: 7 };
    const post = (path: string, params: unknown) =>
      publishAndRead(client, `${SYS}/teller/${path}`, { id: '1', params });
    expect(await post('thing/event/overheat/post', { events, time: 1_700_000_000_000 })).toContain('"code":200');
    expect(await post('thing/log/post', { logs: 'up', time: 1_700_000_000_001 })).toContain('"code":200');
    expect(await client.publish(`${SYS}/teller/thing/model/up_raw`, Buffer.from([0, 255, 7]))).toBe(0);
    expect(await post('thing/event/a.b/post', { events })).toContain('"code":1101');
    const kept = (await eventsOf(broker, 'teller')).filter(({ msgType }) => /^(EVENT|DEVICE|RAW)_/.test(msgType));
    expect(kept.map(({ msgType, data }) => [msgType, data])).toEqual([
      ['EVENT_overheat', { code: 7 }],
      ['DEVICE_LOG', { logs: 'up', time: 1_700_000_000_001 }],
      ['RAW_DATA', { raw: 'AP8H' }],
    ]);
    expect(kept[0]?.metadata).toMatchObject({ ts: '1700000000000', deviceName: 'teller' });
  });

  it('case 48: a call reaches a device that subscribed to nothing; its reply, its error and its silence reach the caller', async () => {
    const { id, client } = await online('served');
    await using _ = client;
    const call = rpc(broker, id, { method: 'reboot', params: { delay: 3 }, timeout: 8_000 });
    const [topic = '', text = ''] = (await client.message()).split(' ');
    expect(topic).toBe(`${SYS}/served/thing/service/reboot`);
    const request = JSON.parse(text);
    expect(request).toEqual({
      id: expect.any(String),
      version: '1.0',
      method: 'thing.service.reboot',
      params: { delay: 3 },
    });
    await client.publish(`${topic}_reply`, JSON.stringify({ id: request.id, code: 200, data: { done: true } }));
    expect(await call).toEqual({ status: 200, body: { done: true } });

    const failing = rpc(broker, id, { method: 'unheard-of', params: {}, timeout: 8_000 });
    const second = JSON.parse((await client.message()).split(' ')[1] ?? '');
    const error = { id: second.id, code: 1101, message: 'no handler' };
    await client.publish(`${SYS}/served/thing/service/unheard-of_reply`, JSON.stringify(error));
    expect(await failing).toEqual({ status: 200, body: { error: { code: 1101, message: 'no handler' } } });

    const silent = rpc(broker, id, { method: 'silence', params: {}, timeout: 500 });
    expect((await client.message()).split(' ')[0]).toBe(`${SYS}/served/thing/service/silence`);
    expect((await silent).status).toBe(504);
  });

  it('synchronous calls, raw bytes down and calls of other topics have their own; a method that can be no topic is an error', async () => {
    const { id, client } = await online('direct');
    await using _ = client;
    const rrpc = rpc(broker, id, { method: 'rrpc', params: 'ping', timeout: 8_000 });
    const [topic = '', text] = (await client.message()).split(' ');
    expect(topic).toMatch(/^\/sys\/pK11111\/direct\/rrpc\/request\/\d+$/);
    expect(text).toBe('ping');
    await client.publish(topic.replace('request', 'response'), '{"pong":1}');
    expect(await rrpc).toEqual({ status: 200, body: { pong: 1 } });

    void rpc(broker, id, { method: 'thing.model.down_raw', params: 'AP8H', oneway: true });
    const raw = (await client.next('publish')) as IPublishPacket;
    expect([raw.topic, [...(raw.payload as Buffer)]]).toEqual([`${SYS}/direct/thing/model/down_raw`, [0, 255, 7]]);
    void rpc(broker, id, { method: 'thing.disable', params: {}, oneway: true });
    expect(await client.message()).toMatch(
      /^\/sys\/pK11111\/direct\/thing\/disable \{"id":"\d+",.*"method":"thing.disable"/,
    );

    const wild = await rpc(broker, id, { method: 'a/+/#', params: {}, timeout: 8_000 });
    expect(wild.body).toEqual({ error: { message: 'the method a/+/# can be no topic' } });
  });

  it('a shared attribute is a measurepoint that the device is set to', async () => {
    const { id, client } = await online('settable');
    await using _ = client;
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { target: 21 } });
    expect(await client.message()).toBe(
      `${SYS}/settable/thing/service/measurepoint/set {"id":"set-0","version":"1.0","method":"thing.service.measurepoint.set","params":{"target":21}}`,
    );
  });

  it('a client that announces GZIP is read and answered packed; a bomb is refused', async () => {
    const { id, client } = await online('packed', '{ip=10.0.0.5,version=2.2.19,compress=GZIP}');
    await using _ = client;
    const topic = `${SYS}/packed/thing/measurepoint/post`;
    const post = async (payload: Buffer): Promise<string> => {
      await client.publish(topic, payload);
      const answer = (await client.next('publish')) as IPublishPacket;
      return gunzipSync(answer.payload as Buffer).toString();
    };
    const body = JSON.stringify({ id: '1', params: { measurepoints: { a: 1 } } });
    expect(await post(gzipSync(body))).toBe('{"id":"1","code":200,"data":{}}');
    expect(await post(gzipSync(Buffer.alloc(100_000_000)))).toContain('"code":1220');
    expect(await post(Buffer.from('1f8b00', 'hex'))).toContain('"code":1220');
    expect(Object.keys(await latest(broker, id))).toEqual(['a']);
  });
});
