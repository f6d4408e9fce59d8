import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../chaos/eventually.ts';
import type { Broker } from '../helpers/broker.ts';
import { type Brokers, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

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

  it(`${RECONNECTS} reconnects to the other broker: one session each time, and nothing of an old one after the new one’s first`, {
    timeout: 60_000 + 50 * RECONNECTS,
  }, async () => {
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
    const stored: number[] = [];
    for (let startTs = 0, more = true; more; ) {
      const query = `keys=seq&startTs=${startTs}&endTs=${Date.now() + 60_000}&limit=10000&orderBy=ASC`;
      const path = `/api/plugins/telemetry/DEVICE/${id}/values/timeseries?${query}`;
      const { seq: page = [] } = await api<{ seq?: { ts: number; value: string }[] }>(b, path);
      stored.push(...page.map(({ value }) => Number(value)));
      startTs = (page.at(-1)?.ts ?? 0) + 1;
      more = page.length === 10_000;
    }
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
    expect(performance.now() - before).toBeLessThan(withLoad(1_000));
    const again = await MqttClient.open({ port: b.ports.mqtt, version: 5, userName: token });
    expect(await again.connack()).not.toBe(0);
    await again[Symbol.asyncDispose]();
  });

  it('a live subscription at one broker hears what the other stores for the device', async () => {
    const token = await newDevice(a, 'watched');
    const id = await deviceId(a, 'watched');
    const socket = new WebSocket(`${a.url.replace('http', 'ws')}/api/ws`);
    await once(socket, 'open');
    const heard: { subscriptionId: number; data: Record<string, [number, string][]> }[] = [];
    socket.on('message', (text) => heard.push(JSON.parse(String(text))));
    const watch = (cmdId: number, scope: string) => ({ entityType: 'DEVICE', entityId: id, scope, cmdId, type: scope });
    const cmds = [
      { ...watch(1, 'LATEST_TELEMETRY'), type: 'TIMESERIES' },
      { ...watch(2, 'CLIENT_SCOPE'), type: 'ATTRIBUTES' },
    ];
    socket.send(JSON.stringify({ authCmd: { cmdId: 0, token: a.adminKey }, cmds }));
    await eventually('it is subscribed', () => heard.length >= 2, 5_000);
    await using client = await connect(b, token);
    const saw = (cmdId: number, key: string, value: string) => async () => {
      const topic = cmdId === 1 ? TELEMETRY : ATTRIBUTES;
      await client.publish(topic, JSON.stringify({ [key]: Number(value) }));
      return heard.some(({ subscriptionId, data }) => subscriptionId === cmdId && data[key]?.[0]?.[1] === value);
    };
    await eventually('telemetry is seen', saw(1, 'power', '7'), 10_000);
    await eventually('an attribute is seen', saw(2, 'model', '8'), 10_000);
    socket.close();
  });

  it('a call over REST at one broker reaches the device at the other, and its answer comes back', async () => {
    const token = await newDevice(a, 'called');
    await using client = await connect(b, token);
    await client.subscribe('v1/devices/me/rpc/request/+');
    const id = await deviceId(a, 'called');
    const body = { method: 'getState', params: { n: 1 }, timeout: 8_000 };
    const call = api(a, `/api/rpc/twoway/${id}`, { method: 'POST', body });
    const message = await client.message();
    const [topic = '', payload] = message.split(' ');
    expect(JSON.parse(payload ?? '')).toMatchObject({ method: 'getState', params: { n: 1 } });
    await client.publish(topic.replace('request', 'response'), '{"state":"on"}');
    expect(await call).toEqual({ state: 'on' });
    const { rpcId } = await api(a, `/api/rpc/oneway/${id}`, { method: 'POST', body: { ...body, persistent: true } });
    expect(await client.message()).toContain('getState');
    expect(rpcId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('a device behind a balancer polls at one broker and answers at the other: the caller hears', async () => {
    const token = await newDevice(a, 'balanced');
    const id = await deviceId(a, 'balanced');
    const body = { method: 'getState', params: {}, timeout: 8_000 };
    for (const [caller, poller, answerer] of [
      [a, b, a],
      [a, a, b],
    ] as const) {
      const call = api(caller, `/api/rpc/twoway/${id}`, { method: 'POST', body });
      const poll = await fetch(`${poller.url}/api/v1/${token}/rpc?timeout=8000`);
      const { id: callId } = (await poll.json()) as { id: number };
      const path = `${answerer.url}/api/v1/${token}/rpc/${callId}`;
      const headers = { 'content-type': 'application/json' };
      expect((await fetch(path, { method: 'POST', headers, body: '{"state":"on"}' })).status).toBe(200);
      expect(await call).toEqual({ state: 'on' });
      expect((await fetch(path, { method: 'POST', headers, body: '{"late":1}' })).status).toBe(200);
    }
  });

  it('a sub-device behind a gateway at one broker gets calls and attributes of the other', async () => {
    const token = await newDevice(a, 'gateway');
    const id = await deviceId(a, 'gateway');
    const device = await api<Record<string, unknown>>(a, `/api/device/${id}`);
    await api(a, '/api/device', { method: 'POST', body: { ...device, additionalInfo: { gateway: true } } });
    await using client = await connect(b, token);
    await client.subscribe('v1/gateway/attributes', 'v1/gateway/rpc');
    await client.publish('v1/gateway/connect', '{"device":"behind"}');
    const behind = await deviceId(a, 'behind');
    await api(a, `/api/plugins/telemetry/DEVICE/${behind}/SHARED_SCOPE`, { method: 'POST', body: { limit: 5 } });
    expect(await client.message()).toBe('v1/gateway/attributes {"device":"behind","data":{"limit":5}}');
    const body = { method: 'blink', params: {}, timeout: 8_000 };
    const call = api(a, `/api/rpc/twoway/${behind}`, { method: 'POST', body });
    const [, payload = '{}'] = (await client.message()).split('v1/gateway/rpc ');
    const asked = JSON.parse(payload) as { data: { id: number } };
    await client.publish('v1/gateway/rpc', JSON.stringify({ device: 'behind', id: asked.data.id, data: { ok: true } }));
    expect(await call).toEqual({ ok: true });
  });
});
