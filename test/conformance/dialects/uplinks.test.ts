import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
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
import { history, latest, publishAndRead } from './messages.ts';

const AT = 1_700_000_000_000;
const model = {
  version: '2.0',
  measurepoints: { power: { type: 'double' } },
  events: { hot: { temp: { type: 'double' } } },
};
const SYS = { rod: `/sys/${ENOS.productKey}`, light: `/sys/${ALIBABA.productKey}` } as const;

describe('what devices of other dialects send besides', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  beforeAll(async () => {
    chain = await eventChain('Other');
    const gateway = { gateway: { children: { profiles: ['light'] } } };
    const profiles = [
      enosProfile('rod'),
      alibabaProfile('light', gateway),
      alibabaProfile('modelled', {
        product: { key: 'a1Modelled', secrets: [{ secret: { env: 'ALIBABA_SECRET' }, state: 'current' }] },
        model,
      }),
    ];
    dialects = await startDialects(profiles, { chainsDir: chain.chainsDir });
    broker = dialects.broker;
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  const online = async (profile: keyof typeof SYS | 'modelled', name: string) => {
    const { id, deviceSecret: secret } = await addDevice(broker, profile, name);
    const productKey = profile === 'modelled' ? 'a1Modelled' : ALIBABA.productKey;
    const alibaba = alibabaNames({ deviceName: name, secret, productKey });
    const names = profile === 'rod' ? enosNames({ deviceKey: name, secret }) : alibaba;
    const client = await openThing(broker, names, { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client };
  };
  const ask = async (client: MqttClient, topic: string, body: Record<string, unknown>) => {
    const text = await publishAndRead(client, topic, { id: '1', ...body });
    expect(text.split(' ')[0]).toBe(`${topic}_reply`);
    return JSON.parse(text.slice(text.indexOf(' ') + 1));
  };
  const kept = async (name: string, types: RegExp) =>
    (await eventsOf(broker, name)).filter(({ msgType }) => types.test(msgType)).map((e) => [e.msgType, e.data]);

  it('EnOS: the state of networks and connections reaches the chain', async () => {
    const { client } = await online('rod', 'states');
    await using _ = client;
    const status = { rssi: -70, time: AT };
    const own = `${SYS.rod}/states`;
    expect(
      await ask(client, `${own}/network/status/report`, { method: 'network.status.report', params: status }),
    ).toEqual({ id: '1', code: 200, data: {} });
    const links = [{ peer: 'meter-1', state: 'up' }];
    expect((await ask(client, `${own}/connection/state/post`, { params: links })).code).toBe(200);
    expect(await kept('states', /^(NETWORK|CONNECTION)_/)).toEqual([
      ['NETWORK_STATUS', status],
      ['CONNECTION_STATE', { items: links }],
    ]);
  });

  it('EnOS: a batch of late samples is in the history and overwrites nothing newer', async () => {
    const { id, client } = await online('rod', 'late-batch');
    await using _ = client;
    const own = `${SYS.rod}/late-batch/thing/measurepoint`;
    await ask(client, `${own}/post`, { params: { measurepoints: { p: 9 }, time: AT + 9 } });
    const late = [1, 2].map((n) => ({ measurepoints: { p: n }, time: AT + n }));
    const method = 'thing.measurepoint.resume.batch';
    expect((await ask(client, `${own}/resume/batch`, { method, params: late })).code).toBe(200);
    expect(await latest(broker, id)).toEqual({ p: [AT + 9, 9] });
    expect(await history(broker, id, 'p', AT, AT + 10)).toEqual([9, 2, 1].map((n) => [AT + n, n]));
    const wrong = [{ measurepoints: { p: 3 }, time: AT + 3 }, { measurepoints: 7 }];
    expect((await ask(client, `${own}/resume/batch`, { params: wrong })).code).toBe(1220);
    expect(await history(broker, id, 'p', AT + 3, AT + 4)).toBeUndefined();
  });

  it('EnOS: a C client that reports on the short topics is told on them', async () => {
    const { id, client } = await online('rod', 'c-client');
    await using _ = client;
    const inform = `/ota/device/inform/${ENOS.productKey}/c-client`;
    await client.publish(inform, JSON.stringify({ id: 3, params: { version: '1.0' } })); // without a reply
    const fw = {
      fw_title: 'c',
      fw_version: '1.1',
      fw_url: 'https://x/y',
      fw_checksum: 'ab',
      fw_checksum_algorithm: 'MD5',
    };
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: fw });
    const told = await client.message();
    expect(told.split(' ')[0]).toBe(`/ota/device/upgrade/${ENOS.productKey}/c-client`);
    expect(JSON.parse(told.slice(told.indexOf(' ')))).toMatchObject({ code: '1000', data: { version: '1.1' } });
    await client.publish(`/ota/device/progress/${ENOS.productKey}/c-client`, '{"id":4,"params":{"step":30,"desc":""}}');
    await client.publish(inform, '{"id":5,"params":{"version":"1.1"}}');
    expect((await latest(broker, id)).fw_state).toMatchObject({ 1: 'UPDATED' });
  });

  it('Alibaba: both requests for the model give that of the profile; a profile without one says so', async () => {
    const { client } = await online('modelled', 'models');
    await using _ = client;
    for (const what of ['dsltemplate', 'dynamicTsl']) {
      const answer = await ask(client, `/sys/a1Modelled/models/thing/${what}/get`, {
        method: `thing.${what}.get`,
        params: {},
      });
      expect(answer).toMatchObject({ code: 200, message: 'success', data: model });
    }
    const { client: plain } = await online('light', 'no-model');
    await using __ = plain;
    const none = await ask(plain, `${SYS.light}/no-model/thing/dsltemplate/get`, { params: {} });
    expect(none).toMatchObject({ code: 460, message: 'the profile has no thing model' });
  });

  it('Alibaba: logs, raw bytes and devices that were found reach the chain', async () => {
    const { client } = await online('light', 'teller');
    await using _ = client;
    const own = `${SYS.light}/teller/thing`;
    expect((await ask(client, `${own}/log/post`, { method: 'thing.log.post', params: ['line'] })).code).toBe(200);
    expect(await client.publish(`${own}/model/up_raw`, Buffer.from([0, 255, 7]))).toBe(0);
    const found = [{ productKey: 'b1SubPk', deviceName: 'leaf-1' }];
    expect((await ask(client, `${own}/list/found`, { params: found })).code).toBe(200);
    expect(await kept('teller', /^(DEVICE|RAW)/)).toEqual([
      ['DEVICE_LOG', { items: ['line'] }],
      ['RAW_DATA', { raw: 'AP8H' }],
      ['DEVICES_FOUND', { items: found }],
    ]);
  });

  it('Alibaba: a pack, or a history, of which one part is refused stores nothing', async () => {
    const { id, client } = await online('modelled', 'pack-whole');
    await using _ = client;
    const refused = async (what: 'pack' | 'history', params: unknown) => {
      const topic = `/sys/a1Modelled/pack-whole/thing/event/property/${what}/post`;
      return (await ask(client, topic, { params })).message;
    };
    const power = { value: 7, time: AT };
    const events = { hot: { value: { temp: 1 }, time: AT } };
    const misfit = '"power" must be of the type double';
    expect(await refused('pack', { properties: { power: [power, { value: 'x' }] }, events })).toBe(misfit);
    const wrong = { hot: { value: { temp: 'x' } } };
    expect(await refused('pack', { properties: { power }, events: wrong })).toBe('"temp" must be of the type double');
    const noTime = '"time" must be an integer of milliseconds';
    expect(
      await refused('pack', { properties: { power }, events: { hot: [{ ...power, value: {}, time: 'x' }] } }),
    ).toBe(noTime);
    expect(await refused('history', [{ properties: [{ power }] }, { properties: [{ power: 'x' }] }])).toBe(misfit);
    expect(await refused('history', [{ properties: [{ power }] }, 7])).toBe('an item must be an object');
    const nameless = '"identity" must have productKey and deviceName';
    expect(await refused('pack', { properties: { power }, subDevices: [{ properties: { power } }] })).toBe(nameless);
    expect(await refused('pack', { properties: { power }, subDevices: [null] })).toBe('an item must be an object');
    expect(await refused('history', [{ identity: { productKey: 7 }, properties: { power } }])).toBe(nameless);
    expect(await latest(broker, id)).toEqual({});
    expect(await kept('pack-whole', /^EVENT_/)).toEqual([]);
  });

  it('Alibaba: "sys": {"ack": 0} gets no reply; a topic without a meaning is 6203, and the connection stays', async () => {
    const { id, client } = await online('light', 'quiet');
    await using _ = client;
    const own = `${SYS.light}/quiet/thing`;
    const post = `${own}/event/property/post`;
    await client.publish(post, JSON.stringify({ id: 1, sys: { ack: 0 }, params: { a: 1 } }));
    expect(await ask(client, `${own}/no/such`, { params: {} })).toMatchObject({ code: 6203 });
    expect(await ask(client, `${own}/measurepoint/post`, { params: {} })).toMatchObject({ code: 6203 });
    expect(Object.keys(await latest(broker, id))).toEqual(['a']);
    await client.alive();
  });

  it('Alibaba: firmware is asked for by the newer topic, which replies, and by the older one, which pushes', async () => {
    const { id, client } = await online('light', 'asking');
    await using _ = client;
    const get = `${SYS.light}/asking/thing/ota/firmware/get`;
    expect(await ask(client, get, { method: 'thing.ota.firmware.get', params: {} })).toMatchObject({ data: {} });
    const older = `/ota/device/inform/${ALIBABA.productKey}/asking`;
    await client.publish(older, '{"id":1,"params":{"version":"1.0"}}');
    const fw = {
      fw_title: 'l',
      fw_version: '2.0',
      fw_url: 'https://x/y',
      fw_checksum: 'ab',
      fw_checksum_algorithm: 'MD5',
    };
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: fw });
    const upgrade = `/ota/device/upgrade/${ALIBABA.productKey}/asking`;
    expect(await client.message()).toContain(`${upgrade} {"code":"1000"`);
    expect((await ask(client, get, { params: {} })).data).toMatchObject({
      version: '2.0',
      md5: 'ab',
      signMethod: 'Md5',
    });
    expect(
      await publishAndRead(client, `/ota/device/request/${ALIBABA.productKey}/asking`, { id: 2, params: {} }),
    ).toContain(`${upgrade} {"code":"1000","data":{"size":0,"version":"2.0"`);
  });
});
