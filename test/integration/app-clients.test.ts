import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKey, openApp, startAppBroker, subscribe } from '../helpers/app-clients.ts';
import type { Broker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startAppBroker({ env: { MQTT_WS_BIND_PORT: '0' } });
});
afterAll(() => broker[Symbol.asyncDispose]());

let serial = 0;
async function device(): Promise<{ readonly name: string; readonly mqtt: MqttClient } & AsyncDisposable> {
  const name = `meter-${++serial}`;
  const mqtt = await MqttClient.connect({ port: broker.ports.mqtt, userName: await newDevice(broker, name) });
  return { name, mqtt, [Symbol.asyncDispose]: () => mqtt[Symbol.asyncDispose]() };
}

const TELEMETRY = 'v1/devices/me/telemetry';
const refusal = (error: unknown): number => (error as { code: number }).code;

describe.each([
  { name: '3.1.1', protocolVersion: 4 },
  { name: '5', protocolVersion: 5 },
] as const)('app clients on MQTT $name', ({ protocolVersion }) => {
  const v5 = protocolVersion === 5;

  it('get what chains publish, as it came, with the QoS they asked for', async () => {
    const key = await newKey(broker);
    await using one = await openApp(broker, key, { protocolVersion });
    await using zero = await openApp(broker, key, { protocolVersion });
    expect(await subscribe(one, 'app/telemetry/+', 2)).toEqual([1]);
    expect(await subscribe(zero, 'app/telemetry/#', 0)).toEqual([0]);
    const qos: number[] = [];
    for (const { client } of [one, zero]) client.on('message', (_topic, _payload, packet) => qos.push(packet.qos));
    await using meter = await device();
    expect(await meter.mqtt.publish(TELEMETRY, '{"energy":42.0,"id":9007199254740993}')).toBe(0);
    const expected = [`app/telemetry/${meter.name} {"energy":42.0,"id":9007199254740993}`];
    expect(await one.until(1)).toEqual(expected);
    expect(await zero.until(1)).toEqual(expected);
    expect(qos.sort()).toEqual([0, 1]);
  });

  it('log in with the id of the key too; a wrong key, name or none is refused', async () => {
    const key = await newKey(broker);
    const other = await newKey(broker);
    await (await openApp(broker, key, { protocolVersion, username: key.id }))[Symbol.asyncDispose]();
    const wrong = v5 ? 0x86 : 5;
    for (const change of [
      { password: 'gma_wrong' },
      { password: '' },
      { username: other.id },
      { password: key.secretKey.slice(0, -1) },
      { password: 'x'.repeat(5_000) },
    ]) {
      const refused = await openApp(broker, key, { protocolVersion, ...change }).catch(refusal);
      expect(refused, JSON.stringify(change)).toBe(wrong);
    }
  });

  it('are refused what their key may not have, filter by filter, and shared subscriptions with their own code', async () => {
    const key = await newKey(broker, { subscribe: ['app/telemetry/#'] });
    await using app = await openApp(broker, key, { protocolVersion });
    const no = v5 ? 0x87 : 0x80;
    const shared = v5 ? 0x9e : 0x80;
    expect(await subscribe(app, ['app/telemetry/a', 'app/attributes/a', 'app/#', '#', '+/telemetry/a'])).toEqual([
      1,
      no,
      no,
      no,
      no,
    ]);
    expect(await subscribe(app, ['$SYS/#', TELEMETRY, '/provision/response', 'app/telemetry/b'])).toEqual([
      no,
      no,
      no,
      1,
    ]);
    expect(await subscribe(app, ['$share/g/app/telemetry/a', '$share/g/app/#'])).toEqual([shared, shared]);
    await using meter = await device();
    await meter.mqtt.publish('v1/devices/me/attributes', '{"a":1}');
    await meter.mqtt.publish(TELEMETRY, '{"a":1}');
    expect(app.got).toEqual([]);
  });

  it('a session that outlives its connection gets what it missed, in order, once, and no filter it was refused', async () => {
    const key = await newKey(broker);
    const session = {
      protocolVersion,
      clientId: `billing-${protocolVersion}`,
      clean: false,
      ...(v5 ? { properties: { sessionExpiryInterval: 3_600 } } : {}),
    };
    await using meter = await device();
    {
      await using first = await openApp(broker, key, session);
      const codes = await subscribe(first, [`app/telemetry/${meter.name}`, 'v1/#', `app/attributes/${meter.name}`]);
      expect(codes).toEqual([1, v5 ? 0x87 : 0x80, 1]);
    }
    const texts = Array.from({ length: 250 }, (_none, n) => `{"n":${n}}`);
    for (const text of texts) await meter.mqtt.publish(TELEMETRY, text);
    await using again = await openApp(broker, key, session);
    expect(await again.until(250)).toEqual(texts.map((text) => `app/telemetry/${meter.name} ${text}`));
    await meter.mqtt.publish(TELEMETRY, '{"live":1}');
    expect((await again.until(251)).at(-1)).toBe(`app/telemetry/${meter.name} {"live":1}`);
    await again.client.endAsync();
    await using third = await openApp(broker, key, session);
    await meter.mqtt.publish(TELEMETRY, '{"last":1}');
    expect(await third.until(1)).toEqual([`app/telemetry/${meter.name} {"last":1}`]);
  });

  it('a client of another key with the same client id has a session of its own, and ends nobody', async () => {
    const [a, b] = [await newKey(broker), await newKey(broker)];
    const session = { protocolVersion, clientId: `same-${protocolVersion}`, clean: false } as const;
    await using meter = await device();
    await using first = await openApp(broker, a, session);
    await subscribe(first, `app/telemetry/${meter.name}`);
    await using second = await openApp(broker, b, session);
    await meter.mqtt.publish(TELEMETRY, '{"a":1}');
    await first.until(1);
    expect(second.got).toEqual([]);
    await using newest = await openApp(broker, a, session);
    expect(await first.ended).toBe(v5 ? 0x8e : 'closed');
    expect(newest.client.connected).toBe(true);
    expect(second.client.connected).toBe(true);
  });

  it('a retained publication is handed to who subscribes later, flagged; a live one is not flagged', async () => {
    const key = await newKey(broker);
    await using meter = await device();
    await using before = await openApp(broker, key, { protocolVersion });
    const flags: boolean[] = [];
    before.client.on('message', (_topic, _payload, { retain }) => flags.push(retain));
    await subscribe(before, `app/attributes/${meter.name}`);
    await meter.mqtt.publish('v1/devices/me/attributes', '{"v":1}');
    await meter.mqtt.publish('v1/devices/me/attributes', '{"v":2}');
    await before.until(2);
    for (const qos of [0, 1] as const) {
      await using after = await openApp(broker, key, { protocolVersion });
      after.client.on('message', (_topic, _payload, { retain }) => flags.push(retain));
      await subscribe(after, `app/+/${meter.name}`, qos);
      expect(await after.until(1)).toEqual([`app/attributes/${meter.name} {"v":2}`]);
    }
    expect(flags).toEqual([false, false, true, true]);
  });

  it('publish where their key may, to each other; elsewhere they are refused', async () => {
    const key = await newKey(broker, { publish: ['app/commands/+'] });
    await using app = await openApp(broker, key, { protocolVersion });
    await using other = await openApp(broker, await newKey(broker), { protocolVersion });
    await subscribe(other, 'app/commands/#');
    for (const qos of [0, 1, 2] as const) await app.client.publishAsync('app/commands/x', `q${qos}`, { qos });
    expect([...(await other.until(3))].sort()).toEqual(['app/commands/x q0', 'app/commands/x q1', 'app/commands/x q2']);
    const refused = app.client.publishAsync('app/telemetry/x', 'spoofed', { qos: 1 }).then(
      () => 0,
      (error: unknown) => refusal(error),
    );
    if (v5) expect(await refused).toBe(0x87);
    else expect(await app.ended).toBe('closed');
    expect(other.got).toHaveLength(3);
  });

  it('a will is published when its client vanishes, and refused at CONNECT where the key may not publish', async () => {
    const key = await newKey(broker, { publish: ['app/status/+'] });
    await using watcher = await openApp(broker, await newKey(broker), { protocolVersion });
    await subscribe(watcher, 'app/status/#');
    const will = { topic: 'app/status/billing', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
    const dying = await openApp(broker, key, { protocolVersion, will });
    dying.client.stream.destroy();
    expect(await watcher.until(1)).toEqual(['app/status/billing gone']);
    const elsewhere = { ...will, topic: 'app/telemetry/x' };
    expect(await openApp(broker, key, { protocolVersion, will: elsewhere }).catch(refusal)).toBe(v5 ? 0x87 : 5);
  });

  it('a revoked key ends its sessions within a second, also the stored ones', async () => {
    const key = await newKey(broker);
    const session = { protocolVersion, clientId: 'revoked', clean: false } as const;
    await using app = await openApp(broker, key, session);
    await subscribe(app, 'app/#');
    const since = performance.now();
    await api(broker, `/api/gridmoor/api-keys/${key.id}`, { method: 'DELETE' });
    expect(await app.ended).toBe(v5 ? 0x98 : 'closed');
    expect(performance.now() - since).toBeLessThan(withLoad(1_000));
    expect(await openApp(broker, key, session).catch(refusal)).toBe(v5 ? 0x86 : 5);
  });
});

describe('app clients and devices', () => {
  it('see nothing of each other but what chains publish', async () => {
    await using meter = await device();
    await using app = await openApp(broker, await newKey(broker, { publish: ['app/#'] }), { protocolVersion: 5 });
    expect(await subscribe(app, ['app/+/all', 'app/telemetry/#', '#', '+/#', 'v1/devices/me/#'])).toEqual([
      1, 1, 0x87, 0x87, 0x87,
    ]);
    meter.mqtt.send({
      cmd: 'subscribe',
      messageId: 9,
      subscriptions: [
        { topic: 'app/#', qos: 1 },
        { topic: '#', qos: 1 },
      ],
    });
    expect(await meter.mqtt.next('suback')).toMatchObject({ granted: [0x80, 0x80] });
    await meter.mqtt.publish(TELEMETRY, '{"quiet":true}');
    await app.client.publishAsync('app/commands/all', 'hello', { qos: 1 });
    await meter.mqtt.publish(TELEMETRY, '{"loud":1}');
    await app.until(2);
    expect(app.got).toEqual(
      expect.arrayContaining(['app/commands/all hello', `app/telemetry/${meter.name} {"loud":1}`]),
    );
    expect(app.got.join()).not.toContain('quiet');
    // A device that publishes to an app topic is a device with a topic that nobody knows.
    meter.mqtt.publishQos0('app/commands/all', 'spoofed');
    await meter.mqtt.publish(TELEMETRY, '{"end":1}').catch(() => undefined);
    expect(app.got.join()).not.toContain('spoofed');
    await expect(meter.mqtt.next('publish', 200)).rejects.toThrow();
  });

  it("a supplier's key sees its own supplier's topics only", async () => {
    const supplier = async (name: string) =>
      api<{ id: string }>(broker, '/api/gridmoor/suppliers', { method: 'POST', body: { name } });
    const [own, other] = [await supplier('Sol'), await supplier('Luna')];
    const key = await newKey(broker, { role: 'supplier', supplier: 'Sol' });
    await using app = await openApp(broker, key, { protocolVersion: 5 });
    expect(
      await subscribe(app, [
        `app/supplier/${own.id}/#`,
        `app/supplier/${other.id}/#`,
        'app/supplier/+/#',
        'app/#',
        `app/supplier/${own.id}x/#`,
      ]),
    ).toEqual([1, 0x87, 0x87, 0x87, 0x87]);
    await using meter = await device();
    await meter.mqtt.publish('v1/devices/me/attributes', JSON.stringify({ supplier: other.id }));
    await meter.mqtt.publish('v1/devices/me/attributes', JSON.stringify({ supplier: `${other.id}/../${own.id}` }));
    await meter.mqtt.publish('v1/devices/me/attributes', JSON.stringify({ supplier: own.id }));
    await app.until(1);
    expect(app.got).toEqual([`app/supplier/${own.id}/${meter.name} {"supplier":"${own.id}"}`]);
    const outside = { role: 'supplier', supplier: 'Sol', subscribe: [`app/supplier/${other.id}/#`] };
    await expect(newKey(broker, outside)).rejects.toThrow(/400/);
    await expect(newKey(broker, { subscribe: ['v1/#'] })).rejects.toThrow(/400/);
    await expect(newKey(broker, { role: 'read-only', publish: ['app/x'] })).rejects.toThrow(/400/);
  });

  it('an MQTT 5 client that gives no id is told its own, and may take fewer messages at a time', async () => {
    const key = await newKey(broker);
    await using raw = await MqttClient.raw({ port: broker.ports.mqtt, version: 5 });
    raw.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 60,
      clientId: '',
      username: 'apikey',
      password: Buffer.from(key.secretKey),
      properties: { receiveMaximum: 2 },
    });
    expect(await raw.next('connack')).toMatchObject({
      reasonCode: 0,
      properties: { assignedClientIdentifier: expect.stringMatching(/^auto-/), sharedSubscriptionAvailable: false },
    });
    await using meter = await device();
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `app/telemetry/${meter.name}`, qos: 1 }] });
    await raw.next('suback');
    for (let n = 0; n < 5; n++) await meter.mqtt.publish(TELEMETRY, `{"n":${n}}`);
    const next = async () => (await raw.next('publish')) as { messageId?: number; payload: Buffer };
    const [a, b] = [await next(), await next()];
    await expect(raw.next('publish', 200)).rejects.toThrow();
    raw.send({ cmd: 'puback', messageId: a.messageId ?? 0 });
    const c = await next();
    expect([a, b, c].map(({ payload }) => String(payload))).toEqual(['{"n":0}', '{"n":1}', '{"n":2}']);
  });

  it('come in by WebSocket too', async () => {
    const key = await newKey(broker);
    const { connectAsync } = await import('mqtt');
    const client = await connectAsync(`ws://127.0.0.1:${broker.ports.ws}/mqtt`, {
      username: 'apikey',
      password: key.secretKey,
      reconnectPeriod: 0,
    });
    expect(await client.subscribeAsync('app/#', { qos: 1 })).toMatchObject([{ qos: 1 }]);
    await client.endAsync();
  });
});
