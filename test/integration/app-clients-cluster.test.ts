import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKey, openApp, startAppBroker, subscribe } from '../helpers/app-clients.ts';
import type { Broker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { api, newDevice } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

const TELEMETRY = 'v1/devices/me/telemetry';

let redis: TestRedis;
let a: Broker;
let b: Broker;
beforeAll(async () => {
  redis = await startRedis({ durable: true });
  const env = { REDIS_URL: redis.url, GRIDMOOR_SECRET_KEY: 'an instance key that brokers share, long enough' };
  a = await startAppBroker({ env: { ...env, GRIDMOOR_INSTANCE_ID: 'a' } });
  b = await startAppBroker({ env: { ...env, GRIDMOOR_INSTANCE_ID: 'b' } });
});
afterAll(async () => {
  await a?.[Symbol.asyncDispose]();
  await b?.[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

let serial = 0;
async function deviceAt(broker: Broker): Promise<{ readonly name: string; readonly mqtt: MqttClient }> {
  const name = `meter-${++serial}`;
  return { name, mqtt: await MqttClient.connect({ port: broker.ports.mqtt, userName: await newDevice(a, name) }) };
}

const numbers = (got: readonly string[]): number[] => got.map((text) => Number(/"n":(\d+)/.exec(text)?.[1]));
const upTo = (count: number): number[] => Array.from({ length: count }, (_none, n) => n);

describe('app clients of two brokers on one Redis', () => {
  it.each([
    { name: 'QoS 0', qos: 0, clean: true },
    { name: 'QoS 1', qos: 1, clean: true },
    { name: 'QoS 1, stored session', qos: 1, clean: false },
  ] as const)('get what chains of both publish: $name', async ({ qos, clean }) => {
    const key = await newKey(a);
    const one = await deviceAt(a);
    const two = await deviceAt(b);
    await using app = await openApp(b, key, { clean, clientId: `reader-${qos}-${clean}` });
    await subscribe(app, [`app/telemetry/${one.name}`, `app/telemetry/${two.name}`], qos);
    for (let n = 0; n < 50; n++) {
      await one.mqtt.publish(TELEMETRY, `{"n":${n}}`);
      await two.mqtt.publish(TELEMETRY, `{"n":${n}}`);
    }
    const got = await app.until(100);
    for (const { name } of [one, two])
      expect(numbers(got.filter((text) => text.startsWith(`app/telemetry/${name} `)))).toEqual(upTo(50));
    expect(got).toHaveLength(100);
    await one.mqtt[Symbol.asyncDispose]();
    await two.mqtt[Symbol.asyncDispose]();
  });

  it('a session goes on at the other broker with what it missed, in order; retained publications are there too', async () => {
    const key = await newKey(a);
    const meter = await deviceAt(a);
    const session = { clientId: 'mover', clean: false } as const;
    {
      await using first = await openApp(a, key, session);
      await subscribe(first, [`app/telemetry/${meter.name}`, 'app/none/a', 'app/none/b']);
    }
    for (let n = 0; n < 300; n++) await meter.mqtt.publish(TELEMETRY, `{"n":${n}}`);
    await using second = await openApp(b, key, session);
    expect(numbers(await second.until(300))).toEqual(upTo(300));
    await meter.mqtt.publish('v1/devices/me/attributes', '{"v":7}');
    await using third = await openApp(b, key);
    await subscribe(third, `app/attributes/${meter.name}`);
    expect(await third.until(1)).toEqual([`app/attributes/${meter.name} {"v":7}`]);
    await meter.mqtt[Symbol.asyncDispose]();
  });

  it('a revoked key ends sessions at every broker within a second', async () => {
    const key = await newKey(a);
    await using app = await openApp(b, key, { protocolVersion: 5 });
    await subscribe(app, 'app/#');
    const since = performance.now();
    await api(a, `/api/gridmoor/api-keys/${key.id}`, { method: 'DELETE' });
    expect(await app.ended).toBe(0x98);
    expect(performance.now() - since).toBeLessThan(withLoad(1_500));
  });

  it('kill -9 of a broker, and of Redis, loses nothing that a device was acknowledged', async () => {
    const key = await newKey(a);
    const name = `meter-${++serial}`;
    const token = await newDevice(a, name);
    const session = { clientId: 'ledger', clean: false } as const;
    const got = new Set<number>();
    const acknowledged: number[] = [];
    {
      await using first = await openApp(b, key, session);
      await subscribe(first, `app/telemetry/${name}`);
    }
    let n = 0;
    for (const victim of ['broker', 'redis', 'broker'] as const) {
      const meter = await MqttClient.connect({ port: a.ports.mqtt, userName: token });
      const goal = acknowledged.length + 60;
      const sending = (async () => {
        for (;;) {
          const mine = n++;
          await meter.publish(TELEMETRY, `{"n":${mine}}`);
          acknowledged.push(mine);
        }
      })().catch(() => undefined);
      await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(goal);
      if (victim === 'broker') await a.restart('SIGKILL');
      else await redis.restart();
      await meter[Symbol.asyncDispose]();
      await sending;
    }
    await using last = await openApp(b, key, session);
    last.client.on('message', (_topic, payload) => got.add((JSON.parse(String(payload)) as { n: number }).n));
    for (const one of numbers(last.got)) got.add(one);
    await expect.poll(() => acknowledged.filter((one) => !got.has(one)), { timeout: 20_000 }).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(180);
  });
});
