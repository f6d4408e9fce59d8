import { describe, expect, it } from 'vitest';
import { newKey, openApp, startAppBroker, subscribe } from '../helpers/app-clients.ts';
import type { Broker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { newDevice } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

const TELEMETRY = 'v1/devices/me/telemetry';

const openDevice = async (broker: Broker, name: string): Promise<MqttClient> =>
  MqttClient.connect({ port: broker.ports.mqtt, userName: await newDevice(broker, name) });

async function metric(broker: Broker, name: string): Promise<number> {
  const text = await (await fetch(`${broker.url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

describe('app clients in trouble', () => {
  it.each([0, 1] as const)(
    'one that stops reading (QoS %i) delays neither the device nor another client, and is cut off',
    async (qos) => {
      await using broker = await startAppBroker({ env: { MQTT_DRAIN_TIMEOUT_MS: '2000' } });
      await using meter = await openDevice(broker, 'm1');
      const key = await newKey(broker);
      await using good = await openApp(broker, key, { protocolVersion: 5 });
      await subscribe(good, 'app/telemetry/#', qos);
      await using stuck = await MqttClient.connect({
        port: broker.ports.mqtt,
        version: 5,
        userName: 'apikey',
        password: key.secretKey,
      });
      stuck.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'app/telemetry/#', qos }] });
      await stuck.next('suback');
      stuck.pause();
      const filling = 'x'.repeat(60_000);
      let slowest = 0;
      for (let n = 0; n < 400; n++) {
        const since = performance.now();
        await meter.publish(TELEMETRY, `{"n":${n},"filling":"${filling}"}`);
        await good.until(n + 1);
        slowest = Math.max(slowest, performance.now() - since);
      }
      expect(slowest).toBeLessThan(withLoad(1_000));
      expect(good.got).toHaveLength(400);
      stuck.resume();
      await expect.poll(() => metric(broker, 'gridmoor_app_connections'), { timeout: 5_000 }).toBe(1);
    },
  );

  it('one that stops reading and has a stored session gets all of it when it comes back', async () => {
    await using broker = await startAppBroker({ env: { MQTT_DRAIN_TIMEOUT_MS: '500' } });
    await using meter = await openDevice(broker, 'm1');
    const key = await newKey(broker);
    const session = { protocolVersion: 4, clientId: 'slow', clean: false } as const;
    await using slow = await openApp(broker, key, session);
    await subscribe(slow, 'app/telemetry/#');
    slow.client.stream.pause();
    const filling = 'y'.repeat(60_000);
    for (let n = 0; n < 150; n++) await meter.publish(TELEMETRY, `{"n":${n},"filling":"${filling}"}`);
    await expect.poll(() => metric(broker, 'gridmoor_app_connections'), { timeout: 10_000 }).toBe(0);
    await using again = await openApp(broker, key, session);
    const got = await again.until(150);
    expect(got.map((text) => Number(/"n":(\d+)/.exec(text)?.[1]))).toEqual(
      Array.from({ length: 150 }, (_none, n) => n),
    );
  });

  it('kill -9 loses nothing that a device was acknowledged, for a session that is stored', async () => {
    await using broker = await startAppBroker();
    const key = await newKey(broker);
    const session = {
      protocolVersion: 5,
      clientId: 'ledger',
      clean: false,
      properties: { sessionExpiryInterval: 3_600 },
    };
    {
      await using first = await openApp(broker, key, session as never);
      await subscribe(first, 'app/telemetry/#');
    }
    const token = await newDevice(broker, 'm1');
    const acknowledged: number[] = [];
    const got = new Set<number>();
    /** Also what has come with its CONNACK. */
    const hear = ({ client, got: before }: Awaited<ReturnType<typeof openApp>>) => {
      const note = (json: string) => got.add(JSON.parse(json).n as number);
      client.on('message', (_topic, payload) => note(String(payload)));
      for (const text of before) note(text.slice(text.indexOf(' ')));
    };
    let n = 0;
    for (let round = 0; round < 4; round++) {
      const meter = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
      // Half of the rounds with the client there, half without.
      const app = round % 2 === 0 ? undefined : await openApp(broker, key, session as never);
      if (app) hear(app);
      const sending = (async () => {
        for (;;) {
          const mine = n++;
          await meter.publish(TELEMETRY, `{"n":${mine}}`);
          acknowledged.push(mine);
        }
      })().catch(() => undefined);
      await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan((round + 1) * 40);
      await broker.restart('SIGKILL');
      await sending;
      await meter[Symbol.asyncDispose]();
      await app?.[Symbol.asyncDispose]();
    }
    await using last = await openApp(broker, key, session as never);
    hear(last);
    const missing = () => acknowledged.filter((one) => !got.has(one));
    await expect.poll(missing, { timeout: 10_000 }).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(160);
  });

  it('a restart keeps stored sessions and retained publications; clients are told that the broker stops', async () => {
    await using broker = await startAppBroker();
    await using meter = await openDevice(broker, 'm1');
    const key = await newKey(broker, { publish: ['app/status/+'] });
    await meter.publish('v1/devices/me/attributes', '{"v":1}');
    const will = { topic: 'app/status/x', payload: Buffer.from('gone'), qos: 1 as const, retain: true };
    await using app = await openApp(broker, key, { protocolVersion: 5, will });
    await broker.restart('SIGTERM');
    expect(await app.ended).toBe(0x8b);
    await using after = await openApp(broker, key, { protocolVersion: 5 });
    await subscribe(after, 'app/#');
    await after.until(1);
    expect(after.got).toEqual(['app/attributes/m1 {"v":1}']); // and no will: its client has nothing to mourn
  });
});
