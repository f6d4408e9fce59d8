import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type AppKey, newKey, openApp, startAppBroker, subscribe } from '../helpers/app-clients.ts';
import type { Broker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { startRedis } from '../helpers/redis.ts';
import { newDevice } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

/** Minutes in the long form. */
const SECONDS = Number(process.env.GRIDMOOR_TEST_APP_SOAK_S ?? 6);
const DEVICES = 5;
const TELEMETRY = 'v1/devices/me/telemetry';

interface Reading {
  readonly device: string;
  readonly n: number;
}

const readingOf = (text: string): Reading => {
  const [topic = '', body = ''] = text.split(' ');
  return { device: topic.split('/').at(-1) ?? '', n: (JSON.parse(body) as { n: number }).n };
};

const rssMiB = (broker: Broker): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${broker.pid}/status`, 'utf8'))?.[1]) / 1_024;

/** A stored session that changes brokers again and again; gives all it got. */
async function wander(brokers: readonly Broker[], key: AppKey, ended: () => boolean): Promise<readonly string[]> {
  const got: string[] = [];
  const session = { clientId: 'wanderer', clean: false } as const;
  for (let turn = 0; !ended(); turn++) {
    const app = await openApp(brokers[turn % brokers.length] as Broker, key, session);
    await app.until(50, 2_000).catch(() => undefined); // or fewer, in its time
    await app[Symbol.asyncDispose]();
    got.push(...app.got); // with what came, and was acknowledged, while it closed
  }
  return got;
}

it(`app clients: ${SECONDS} s of devices, a session that moves and a client that does not read`, {
  timeout: 120_000 + SECONDS * 2_000,
}, async () => {
  await using redis = await startRedis({ durable: true });
  const env = { REDIS_URL: redis.url, GRIDMOOR_SECRET_KEY: 'an instance key that brokers share, long enough' };
  await using a = await startAppBroker({ env: { ...env, GRIDMOOR_INSTANCE_ID: 'a' } });
  await using b = await startAppBroker({ env: { ...env, GRIDMOOR_INSTANCE_ID: 'b' } });
  const brokers = [a, b];
  const key = await newKey(a);
  {
    await using first = await openApp(a, key, { clientId: 'wanderer', clean: false });
    await subscribe(first, 'app/telemetry/#');
  }
  await using stuck = await MqttClient.connect({
    ...{ port: b.ports.mqtt, version: 5, userName: 'apikey', password: key.secretKey },
  });
  await stuck.subscribe('app/telemetry/#');
  stuck.pause();

  const until = performance.now() + SECONDS * 1_000;
  let ended = false;
  const wandering = wander(brokers, key, () => ended);
  const sent = new Map<string, number>();
  const waits: number[] = [];
  const filling = 'x'.repeat(2_000);
  const work = async (at: number): Promise<void> => {
    const name = `meter-${at}`;
    await using meter = await MqttClient.connect({
      ...{ port: brokers[at % 2]?.ports.mqtt ?? 0, userName: await newDevice(a, name) },
    });
    for (let n = 0; performance.now() < until; n++) {
      const since = performance.now();
      await meter.publish(TELEMETRY, `{"n":${n},"filling":"${filling}"}`);
      waits.push(performance.now() - since);
      sent.set(name, n + 1);
    }
  };
  const sizes: { readonly keys: number; readonly rss: number }[] = [];
  const measuring = setInterval(async () => {
    sizes.push({ keys: await redis.client.dbsize(), rss: Math.max(...brokers.map(rssMiB)) });
  }, SECONDS * 50);
  await Promise.all(Array.from({ length: DEVICES }, (_none, at) => work(at)));
  clearInterval(measuring);
  ended = true;
  const got = [...(await wandering)];
  await using last = await openApp(a, key, { clientId: 'wanderer', clean: false });
  const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
  const seen = (): Map<string, Set<number>> => {
    const all = new Map<string, Set<number>>();
    for (const { device, n } of [...got, ...last.got].map(readingOf)) {
      all.set(device, (all.get(device) ?? new Set()).add(n));
    }
    return all;
  };
  const missing = () => total - [...seen().values()].reduce((sum, { size }) => sum + size, 0);
  await expect.poll(missing, { timeout: 60_000, interval: 200 }).toBe(0);
  // Repeats after a change of broker aside, each device's readings came in order.
  for (const device of sent.keys()) {
    const came = [
      ...new Set([...got, ...last.got].map(readingOf).flatMap((one) => (one.device === device ? [one.n] : []))),
    ];
    expect(came).toEqual([...came].sort((x, y) => x - y));
  }
  await expect.poll(async () => (await redis.client.keys('gridmoor-app:packet:*')).length, { timeout: 60_000 }).toBe(0);
  waits.sort((x, y) => x - y);
  const part = (share: number): string => (waits[Math.floor((waits.length - 1) * share)] ?? 0).toFixed(0);
  const half = sizes.slice(Math.floor(sizes.length / 2));
  console.log(
    `${total} readings, half acknowledged within ${part(0.5)} ms, 99 % within ${part(0.99)} ms, all within ${part(1)} ms; ` +
      `keys ${half[0]?.keys} and ${half.at(-1)?.keys}, memory ${half[0]?.rss.toFixed(0)} and ${half.at(-1)?.rss.toFixed(0)} MiB (middle, end)`,
  );
  expect(waits.at(-1)).toBeLessThan(withLoad(3_000)); // less than the time after which one that does not read is cut off
  expect(Math.max(...half.map(({ rss }) => rss))).toBeLessThan((half[0]?.rss ?? 0) * 1.2 + 60);
});
