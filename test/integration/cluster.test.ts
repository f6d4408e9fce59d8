import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../helpers/broker.ts';
import { type Brokers, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
const TAKEN_OVER = 0x8e;
const REVOKED = 0x98;
/** The whole measure is 10,000. */
const RECONNECTS = Number(process.env.GRIDMOOR_TEST_RECONNECTS ?? 1_000);

describe('two brokers behind one Redis', () => {
  let brokers: Brokers;
  let a: Broker;
  let b: Broker;

  beforeAll(async () => {
    brokers = await startBrokers(2);
    [a, b] = brokers.all as [Broker, Broker];
  });
  afterAll(() => brokers[Symbol.asyncDispose]());

  const connect = (broker: Broker, userName: string, version: 4 | 5 = 5) =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName });

  it('a device that was provisioned at one broker connects to the other', async () => {
    const token = await newDevice(a, 'elsewhere');
    await using client = await connect(b, token);
    expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
    const id = await deviceId(a, 'elsewhere');
    const values = await api(a, `/api/plugins/telemetry/DEVICE/${id}/values/timeseries`);
    expect(values).toMatchObject({ t: [{ value: '1' }] });
  });

  it('a login at the other broker ends the session here first', async () => {
    const token = await newDevice(a, 'mover');
    await using first = await connect(a, token);
    await using second = await connect(b, token);
    expect(await first.ended()).toBe(TAKEN_OVER);
    expect(await second.publish(TELEMETRY, '{"t":2}')).toBe(0);
  });

  it(`${RECONNECTS} reconnects to the other broker: one session each time, and nothing of an old one after the new one’s first`, async () => {
    const token = await newDevice(a, 'pingpong');
    let seq = 0;
    let former: MqttClient | undefined;
    const publish = (client: MqttClient) =>
      client.send({
        cmd: 'publish',
        topic: TELEMETRY,
        payload: JSON.stringify({ seq: ++seq }),
        ...{ qos: 0, dup: false, retain: false },
      });
    for (let round = 0; round < RECONNECTS; round++) {
      const client = await connect(round % 2 === 0 ? b : a, token);
      if (former) expect(await former.ended()).toBe(TAKEN_OVER);
      await client.publish(TELEMETRY, JSON.stringify({ seq: ++seq }));
      for (let n = 0; n < 5; n++) publish(client); // some of these are under way when the next login comes
      former = client;
    }
    await former?.publish(TELEMETRY, JSON.stringify({ seq: ++seq }));
    await former?.[Symbol.asyncDispose]();
    const id = await deviceId(a, 'pingpong');
    const query = `keys=seq&startTs=0&endTs=${Date.now() + 60_000}&limit=${seq + 10}&orderBy=ASC`;
    const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?${query}`;
    const stored = (await api<{ seq: { ts: number; value: string }[] }>(b, path)).seq.map(({ value }) => Number(value));
    expect(stored).toEqual([...stored].sort((x, y) => x - y));
    expect(stored.at(-1)).toBe(seq);
  });

  it('of logins at the same time on both brokers exactly one survives', async () => {
    const token = await newDevice(a, 'twins');
    for (let round = 0; round < 50; round++) {
      const clients = await Promise.all(
        [a, b].map((broker) => MqttClient.open({ port: broker.ports.mqtt, version: 5, userName: token })),
      );
      const codes = await Promise.all(clients.map((client) => client.connack().catch(() => -1)));
      const alive: MqttClient[] = [];
      for (const [at, client] of clients.entries()) {
        if (codes[at] !== 0) continue;
        const answer = await client.publish(TELEMETRY, '{"t":1}').catch(() => -1);
        if (answer === 0) alive.push(client);
      }
      expect(alive).toHaveLength(1);
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    }
  });

  it('a shared attribute that is set at one broker reaches the device at the other, and so does its removal', async () => {
    const token = await newDevice(a, 'pushed');
    await using client = await connect(b, token);
    await client.subscribe(ATTRIBUTES);
    const id = await deviceId(a, 'pushed');
    await api(a, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { interval: 30 } });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"interval":30}`);
    await api(a, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE?keys=interval`, { method: 'DELETE' });
    expect(await client.message()).toBe(`${ATTRIBUTES} {"deleted":["interval"]}`);
  });

  it('a long poll for attributes hears of what is set at the other broker', async () => {
    const token = await newDevice(a, 'polling');
    const id = await deviceId(a, 'polling');
    const poll = fetch(`${b.url}/api/v1/${token}/attributes/updates?timeout=10000`).then((answer) => answer.json());
    const until = Date.now() + 8_000;
    let answered = false;
    void poll.then(() => {
      answered = true;
    });
    while (!answered && Date.now() < until) {
      await api(a, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { n: Date.now() } });
    }
    expect(await poll).toHaveProperty('n');
  });

  it('a session ends within a second when its credentials are revoked at the other broker', async () => {
    const token = await newDevice(a, 'revoked');
    await using client = await connect(b, token);
    const id = await deviceId(a, 'revoked');
    const before = performance.now();
    const ended = client.ended();
    await api(a, `/api/device/${id}`, { method: 'DELETE' });
    expect(await ended).toBe(REVOKED);
    expect(performance.now() - before).toBeLessThan(1_000);
    const again = await MqttClient.open({ port: b.ports.mqtt, version: 5, userName: token });
    expect(await again.connack()).not.toBe(0);
    await again[Symbol.asyncDispose]();
  });
});
