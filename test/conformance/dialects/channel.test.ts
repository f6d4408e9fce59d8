import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../helpers/broker.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import type { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { addDevice, channelNames, type DialectBroker, ENOS, enosProfile, openThing, startDialects } from './kit.ts';
import { attributes, latest, publishAndRead } from './messages.ts';

const TOPIC = `/sys/${ENOS.productKey}/integration`;

describe('the integration channel of EnOS', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    chain = await eventChain('Other');
    dialects = await startDialects(
      [enosProfile('rod', { integration: { enabled: true, rawDevice: 'one' } }), enosProfile('bare', bare)],
      {
        chainsDir: chain.chainsDir,
        env: { MQTT_MAX_PAYLOAD_BYTES: '1000000' },
      },
    );
    broker = dialects.broker;
    for (const name of ['one', 'two']) ids[name] = (await addDevice(broker, 'rod', name)).id;
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });

  const bare = {
    product: { key: 'pKbare', secrets: [{ secret: { env: 'ENOS_SECRET' }, state: 'current' }] },
    integration: { enabled: true },
  };
  const open = async (): Promise<MqttClient> => {
    const client = await openThing(broker, channelNames(ENOS.productKey, ENOS.productSecret));
    expect(await client.connack()).toBe(0);
    return client;
  };
  const post = (client: MqttClient, what: string, params: unknown) =>
    publishAndRead(client, `${TOPIC}/${what}/post`, { id: '5', method: `integration.${what}.post`, params });
  const item = (deviceKey: string, value: number) => ({
    deviceKey,
    measurepoints: { v: value },
    time: 1_700_000_000_000,
  });

  it('case 39: a post for two known devices is stored; one unknown device refuses the whole request', async () => {
    await using client = await open();
    expect(await post(client, 'measurepoint', [item('one', 1), item('two', 2)])).toBe(
      `${TOPIC}/measurepoint/post_reply {"id":"5","code":200,"data":{}}`,
    );
    expect(await latest(broker, ids.one ?? '')).toEqual({ v: [1_700_000_000_000, 1] });
    expect(await latest(broker, ids.two ?? '')).toEqual({ v: [1_700_000_000_000, 2] });
    expect(await post(client, 'measurepoint', [item('one', 3), item('stranger', 4)])).toContain('"code":700');
    expect(await latest(broker, ids.one ?? '')).toEqual({ v: [1_700_000_000_000, 1] });
  });

  it('one item that is refused refuses the whole request', async () => {
    await using client = await open();
    const before = await latest(broker, ids.one ?? '');
    const refused = async (what: string, params: unknown, message: string) =>
      expect(await post(client, what, params)).toBe(
        `${TOPIC}/${what}/post_reply ${JSON.stringify({ id: '5', code: 1220, message })}`,
      );
    const noTime = '"time" must be an integer of milliseconds';
    await refused('measurepoint', [item('one', 7), { ...item('two', 8), time: 'noon' }], noTime);
    const longKey = { deviceKey: 'two', measurepoints: { ['k'.repeat(256)]: 1 } };
    await refused('measurepoint', [item('one', 7), longKey], 'a key must have 1 to 255 characters');
    expect(await latest(broker, ids.one ?? '')).toEqual(before);

    const attribute = (deviceKey: string, key: string) => ({ deviceKey, attributes: { [key]: 1 } });
    await refused(
      'attribute',
      [attribute('one', 'whole'), attribute('two', '')],
      'a key must have 1 to 255 characters',
    );
    expect(await attributes(broker, ids.one ?? '', 'CLIENT')).not.toHaveProperty('whole');

    const event = (deviceKey: string, time: unknown) => ({ deviceKey, events: { whole: {} }, time });
    await refused('event', [event('one', 1), event('two', 'noon')], noTime);
    expect((await eventsOf(broker, 'one')).filter(({ msgType }) => msgType === 'EVENT_whole')).toEqual([]);
  });

  it('attributes and events of devices are taken, and in the order they came', async () => {
    await using client = await open();
    expect(await post(client, 'attribute', [{ deviceKey: 'one', attributes: { vendor: 'x' } }])).toContain(
      '"code":200',
    );
    expect(await attributes(broker, ids.one ?? '', 'CLIENT')).toEqual({ vendor: 'x' });
    const topic = `${TOPIC}/event/post`;
    const packet = { cmd: 'publish', topic, qos: 1, dup: false, retain: false } as const;
    const body = (n: number) =>
      JSON.stringify({ id: `${n}`, params: [{ deviceKey: 'two', events: { tick: { n } }, time: n }] });
    client.send(...[1, 2, 3, 4].map((n) => ({ ...packet, messageId: n, payload: body(n) })));
    for (let n = 1; n <= 4; n++) expect(await client.message()).toContain('"code":200');
    const kept = (await eventsOf(broker, 'two')).filter(({ msgType }) => msgType === 'EVENT_tick');
    expect(kept.map(({ data }) => data.n)).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ['measurepoint', {}],
    ['measurepoint', [7]],
    ['measurepoint', [{ deviceKey: 'one', measurepoints: [] }]],
    ['attribute', [{ deviceKey: 'one' }]],
    ['event', [{ deviceKey: 'one', events: { 'a/b': {} } }]],
    ['measurepoint', Array.from({ length: 1001 }, () => item('one', 1))],
  ])('%s refuses what it cannot read: %#', async (what, params) => {
    await using client = await open();
    expect(await post(client, what, params)).toContain('"code":1220');
  });

  it('raw bytes are a message of the device that the profile names for them; without one they are refused', async () => {
    await using client = await open();
    const topic = `${TOPIC}/model/up_raw`;
    expect(await publishAndRead(client, topic, Buffer.from([0, 255, 7]))).toBe(
      `${topic}_reply {"id":"","code":200,"data":{}}`,
    );
    const raw = (await eventsOf(broker, 'one')).filter(({ msgType }) => msgType === 'RAW_DATA');
    expect(raw).toMatchObject([{ data: { raw: 'AP8H' } }]);
    expect(await publishAndRead(client, topic, Buffer.alloc(513 * 1024))).toContain('"code":1008');
    await api(broker, `/api/gridmoor/devices/${ids.one}/disable`, { method: 'POST' });
    expect(await publishAndRead(client, topic, Buffer.from([1]))).toContain('"code":700');
    await api(broker, `/api/gridmoor/devices/${ids.one}/enable`, { method: 'POST' });

    await using other = await openThing(broker, channelNames('pKbare', ENOS.productSecret));
    expect(await other.connack()).toBe(0);
    expect(await publishAndRead(other, '/sys/pKbare/integration/model/up_raw', Buffer.from([1]))).toContain(
      '"code":1101',
    );
  });

  it('a topic without a meaning and a payload that is no JSON are answered by code', async () => {
    await using client = await open();
    expect(await post(client, 'nothing', [])).toContain('"code":1101');
    expect(await publishAndRead(client, `${TOPIC}/event/post`, '{')).toContain('"code":1220');
    expect(await publishAndRead(client, `${TOPIC}/event/post`, '')).toContain('"code":1251');
  });
});
