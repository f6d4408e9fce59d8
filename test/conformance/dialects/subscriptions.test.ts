import { createHash } from 'node:crypto';
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
  channelNames,
  type DialectBroker,
  ENOS,
  enosNames,
  enosProfile,
  issued,
  openThing,
  startDialects,
} from './kit.ts';
import { publishAndRead, rpc } from './messages.ts';

const off = { compat: { pushWithoutSubscription: false } };
const product = (key: string, env: string) => ({ key, secrets: [{ secret: { env }, state: 'current' }] });
const SYS = `/sys/${ENOS.productKey}`;
const POST = 'thing/measurepoint/post';

describe('subscriptions of devices of other dialects', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    const sub = { product: product('subPK', 'ENOS_SECRET') };
    dialects = await startDialects(
      [
        enosProfile('rod', { gateway: { children: { profiles: ['sub'] } } }),
        enosProfile('sub', sub),
        enosProfile('strict', { ...off, product: product('pKstrict', 'ENOS_SECRET'), integration: { enabled: true } }),
        alibabaProfile('light', off),
      ],
      { env: { GRIDMOOR_RPC_MIN_TIMEOUT_MS: '500' } },
    );
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const online = async (profile: string, deviceKey: string, productKey: string) => {
    const { id, deviceSecret: secret } = await addDevice(broker, profile, deviceKey);
    const client = await openThing(broker, enosNames({ deviceKey, secret, productKey }), { tls: false });
    expect(await client.connack()).toBe(0);
    return { id, client };
  };
  const post = (client: MqttClient, own: string, id: string) =>
    client.publish(`${own}/${POST}`, JSON.stringify({ id, params: { measurepoints: { a: 1 } } }));
  const heard = async (client: MqttClient) => {
    const { topic, qos, payload } = (await client.next('publish')) as IPublishPacket;
    return [topic, qos, JSON.parse(payload.toString()).id];
  };

  it('by default all is sent at QoS 0, and what a filter with wildcards matches at the QoS of that', async () => {
    const { id, client } = await online('rod', 'wild', ENOS.productKey);
    await using _ = client;
    const own = `${SYS}/wild`;
    await post(client, own, '1');
    expect(await heard(client)).toEqual([`${own}/${POST}_reply`, 0, '1']);
    expect(await client.subscribe([`${own}/thing/service/+`, 1], [`${own}/thing/#`, 0])).toEqual([1, 0]);
    void rpc(broker, id, { method: 'reboot', params: {}, oneway: true });
    expect((await heard(client)).slice(0, 2)).toEqual([`${own}/thing/service/reboot`, 1]);
    await post(client, own, '2');
    expect(await heard(client)).toEqual([`${own}/${POST}_reply`, 0, '2']);
  });

  it('a gateway may subscribe to the topics of a sub-device while that is logged in over it', async () => {
    const { client } = await online('rod', 'hub', ENOS.productKey);
    await using _ = client;
    const { id, deviceSecret } = await addDevice(broker, 'sub', 'leaf');
    const calls = '/sys/subPK/leaf/thing/service/+';
    expect(await client.subscribe(calls)).toEqual([0x80]);
    const content = `clientIdcdeviceKeyleafproductKeysubPKtimestamp1${deviceSecret}`;
    const sign = createHash('sha256').update(content).digest('hex');
    const login = { productKey: 'subPK', deviceKey: 'leaf', clientId: 'c', timestamp: 1, signMethod: 'sha256', sign };
    const topic = `/ext/session/${ENOS.productKey}/hub/combine/login`;
    expect(await publishAndRead(client, topic, { id: '1', params: { ...login, secureMode: '2' } })).toContain('200');
    expect(await client.subscribe(calls, '/sys/subPK/other/#')).toEqual([1, 0x80]);
    void rpc(broker, id, { method: 'reboot', params: {}, oneway: true });
    expect((await heard(client)).slice(0, 2)).toEqual(['/sys/subPK/leaf/thing/service/reboot', 1]);
  });

  it('with compat.pushWithoutSubscription off a client hears what it subscribed to, and nothing else', async () => {
    const { id, client } = await online('strict', 'quiet', 'pKstrict');
    await using _ = client;
    const own = '/sys/pKstrict/quiet';
    await post(client, own, '1');
    const unheard = await rpc(broker, id, { method: 'reboot', params: {}, timeout: 500 });
    expect(unheard.status).toBe(504);
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { level: 1 } });
    expect(await client.subscribe(`${own}/${POST}_reply`, `${own}/thing/service/+`)).toEqual([1, 1]);
    await post(client, own, '2');
    expect(await heard(client)).toEqual([`${own}/${POST}_reply`, 1, '2']); // the first that came
    const call = rpc(broker, id, { method: 'reboot', params: {}, timeout: 10_000 });
    const [topic, , request] = await heard(client);
    await client.publish(`${topic}_reply`, JSON.stringify({ id: request, code: 200, data: { ok: 1 } }));
    expect(await call).toEqual({ status: 200, body: { ok: 1 } });
  });

  it('off: an activation is answered all the same, and so is a client of Alibaba that asks for it with _ss=1', async () => {
    await addDevice(broker, 'strict', 'new-one');
    const names = enosNames({ deviceKey: 'new-one', secret: ENOS.productSecret, productKey: 'pKstrict', mode: 3 });
    expect(await issued(broker, names)).toMatchObject({ params: { deviceSecret: expect.any(String) } });

    const { deviceSecret: secret } = await addDevice(broker, 'light', 'light-ss');
    const plain = alibabaNames({ deviceName: 'light-ss', secret });
    const topic = `/sys/${ALIBABA.productKey}/light-ss/thing/event/property/post`;
    const body = (id: string) => JSON.stringify({ id, params: { on: 1 } });
    {
      await using client = await openThing(broker, plain, { tls: false });
      expect(await client.connack()).toBe(0);
      await client.publish(topic, body('1'));
      await client.subscribe([`${topic}_reply`, 0]);
      await client.publish(topic, body('2'));
      expect(await heard(client)).toEqual([`${topic}_reply`, 0, '2']);
    }
    const clientId = plain.clientId.replace('|timestamp', '|_ss=1,timestamp');
    await using client = await openThing(broker, { ...plain, clientId }, { tls: false });
    expect(await client.connack()).toBe(0);
    await client.publish(topic, body('3'));
    expect(await heard(client)).toEqual([`${topic}_reply`, 0, '3']);
  });

  it('off: the integration channel hears the replies that it subscribed to', async () => {
    await addDevice(broker, 'strict', 'one');
    await using client = await openThing(broker, channelNames('pKstrict', ENOS.productSecret));
    expect(await client.connack()).toBe(0);
    const topic = '/sys/pKstrict/integration/measurepoint/post';
    const body = (id: string) => JSON.stringify({ id, params: [{ deviceKey: 'one', measurepoints: { a: 1 } }] });
    await client.publish(topic, body('1'));
    expect(await client.subscribe('/sys/pKstrict/integration/+/post_reply')).toEqual([1]);
    await client.publish(topic, body('2'));
    expect(await heard(client)).toEqual([`${topic}_reply`, 1, '2']);
  });
});
