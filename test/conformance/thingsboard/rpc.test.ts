import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { type ConnectOptions, MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, latest, newDevice } from '../../helpers/system.ts';

const CALLS = 'v1/devices/me/rpc/request/+';

/** Calls of devices: getTime is answered, everything else is not; telemetry makes the chain call the device back. */
const CHAIN = {
  name: 'root',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: { 'RPC Request from Device': 'time?', 'Post telemetry': 'set', Other: 'log' },
    },
    'time?': {
      kind: 'filter/conditions',
      config: { conditions: { all: [{ fact: 'msg', path: '$.method', operator: 'equal', value: 'getTime' }] } },
      to: { True: 'reply' },
    },
    reply: { kind: 'rpc/reply' },
    set: {
      kind: 'transform/set-keys',
      config: { msg: { method: 'ask', params: { why: 'chain' } } },
      to: { Success: 'call' },
    },
    call: { kind: 'rpc/call', config: { timeoutInSeconds: 5 }, to: { Success: 'save', Failure: 'log' } },
    save: { kind: 'action/save-telemetry' },
    log: { kind: 'action/log', config: { text: 'nothing' } },
  },
};

describe('thingsboard-device-api 12: RPC', () => {
  let broker: Broker;
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-rpc-'));
    const chainsDir = join(dir, 'chains');
    await mkdir(chainsDir);
    await writeFile(join(chainsDir, 'root.json'), JSON.stringify(CHAIN));
    broker = await startBroker({
      chainsDir,
      env: {
        GRIDMOOR_RPC_MIN_TIMEOUT_MS: '100',
        GRIDMOOR_RPC_CLIENT_TIMEOUT_MS: '400',
        GRIDMOOR_DEVICE_MESSAGES: '100:1',
      },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const connect = (userName: string, version: 4 | 5 = 4, more: Partial<ConnectOptions> = {}) =>
    MqttClient.connect({ port: broker.ports.mqtt, userName, version, ...more });

  /** A device that subscribed to its calls. */
  async function listening(name: string, version: 4 | 5 = 4, filter: string = CALLS) {
    const token = await newDevice(broker, name);
    const client = await connect(token, version);
    expect(await client.subscribe(filter)).toEqual([1]);
    return { client, id: await deviceId(broker, name), token };
  }

  async function call(id: string, path: string, body: unknown) {
    const response = await fetch(`${broker.url}/api/${path}/${id}`, {
      method: 'POST',
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}`, 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  /** The next call as the device sees it; acknowledged, as a device does. */
  async function taken(client: MqttClient): Promise<string> {
    const packet = (await client.next('publish')) as IPublishPacket;
    if (packet.qos > 0) client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    return `${packet.topic} ${packet.payload.toString()}`;
  }

  it.each([4, 5] as const)(
    '55: a call reaches the device from id 0 on, and its answer the caller (version %i)',
    async (version) => {
      const { client, id } = await listening(`r55-${version}`, version);
      await using _ = client;
      for (const n of [0, 1]) {
        const answer = call(id, 'rpc/twoway', '{"method":"setGpio","params":{"pin":7,"x":42.0,"n":9007199254740993}}');
        expect(await taken(client)).toBe(
          `v1/devices/me/rpc/request/${n} {"method":"setGpio","params":{"pin":7,"x":42.0,"n":9007199254740993}}`,
        );
        expect(await client.publish(`v1/devices/me/rpc/response/${n}`, '{"ok":true,"v":1.0}')).toBe(0);
        expect(await answer).toEqual({ status: 200, text: '{"ok":true,"v":1.0}' });
      }
    },
  );

  it.each([
    ['v2/r/req/+', 'v2/r/req/0', 'v2/r/res/0'],
    ['v2/r/req/j/+', 'v2/r/req/j/0', 'v2/r/res/j/0'],
  ])('55, short topics: %s', async (filter, request, response) => {
    const { client, id } = await listening(`r55-${filter.length}`, 4, filter);
    await using _ = client;
    const answer = call(id, 'rpc/twoway', { method: 'm', params: 5 });
    expect(await taken(client)).toBe(`${request} {"method":"m","params":5}`);
    await client.publish(response, '5');
    expect(await answer).toEqual({ status: 200, text: '5' });
  });

  it('55: a one-way call is done when it is written; its late answer is acknowledged and ignored', async () => {
    const { client, id } = await listening('r55-oneway', 5);
    await using _ = client;
    expect(await call(id, 'rpc/oneway', { method: 'm', params: {} })).toEqual({ status: 200, text: '' });
    expect(await taken(client)).toBe('v1/devices/me/rpc/request/0 {"method":"m","params":{}}');
    expect(await client.publish('v1/devices/me/rpc/response/0', '{}')).toBe(0);
    expect(await client.publish('v1/devices/me/rpc/response/99', '{}')).toBe(0);
  });

  it('55: calls come in the order they were made', async () => {
    const { client, id } = await listening('r55-order');
    await using _ = client;
    for (let n = 0; n < 20; n++) await call(id, 'rpc/oneway', { method: `m${n}`, params: {} });
    for (let n = 0; n < 20; n++) expect(await taken(client)).toContain(`request/${n} {"method":"m${n}"`);
  });

  it('55: text that is no JSON is 406 for the caller', async () => {
    const { client, id } = await listening('r55-text');
    await using _ = client;
    const answer = call(id, 'rpc/twoway', { method: 'm', params: {} });
    await taken(client);
    await client.publish('v1/devices/me/rpc/response/0', 'no json');
    expect((await answer).status).toBe(406);
  });

  it('55: no answer is 504, on the former path 408; no session is 504, on the former path 409', async () => {
    const { client, id } = await listening('r55-silent');
    const body = { method: 'm', params: {}, timeout: 100 };
    expect((await call(id, 'rpc/twoway', body)).status).toBe(504);
    expect((await call(id, 'plugins/rpc/twoway', body)).status).toBe(408);
    await client[Symbol.asyncDispose]();
    expect((await call(id, 'rpc/twoway', body)).status).toBe(504);
    expect((await call(id, 'plugins/rpc/twoway', body)).status).toBe(409);
    expect((await call('00000000-0000-7000-8000-000000000000', 'rpc/twoway', body)).status).toBe(404);
    expect((await call(id, 'rpc/twoway', { params: {} })).status).toBe(400);
  });

  it('55: a device that did not subscribe gets no call; after UNSUBSCRIBE neither', async () => {
    const { client, id } = await listening('r55-unsub', 5);
    await using _ = client;
    client.send({ cmd: 'unsubscribe', messageId: 77, unsubscriptions: [CALLS] });
    await client.next('unsuback');
    expect((await call(id, 'rpc/oneway', { method: 'm', params: {}, timeout: 100 })).status).toBe(504);
    await client.alive();
    expect(client.unread).toEqual([]);
  });

  it('56: a call made while the device is away waits for it, and follows the SUBACK', async () => {
    const token = await newDevice(broker, 'r56');
    const id = await deviceId(broker, 'r56');
    const answer = call(id, 'rpc/twoway', { method: 'late', params: {}, timeout: 5_000 });
    await using client = await connect(token);
    await client.subscribe(CALLS);
    expect(await taken(client)).toBe('v1/devices/me/rpc/request/0 {"method":"late","params":{}}');
    await client.publish('v1/devices/me/rpc/response/0', '{"came":true}');
    expect(await answer).toEqual({ status: 200, text: '{"came":true}' });
  });

  it('57: getSessionLimits is answered without the chain and without a subscription', async () => {
    await using client = await connect(await newDevice(broker, 'r57'), 5);
    expect(await client.publish('v1/devices/me/rpc/request/3', '{"method":"getSessionLimits","params":{}}')).toBe(0);
    const [topic, text = ''] = (await taken(client)).split(/ (.*)/);
    expect(topic).toBe('v1/devices/me/rpc/response/3');
    expect(JSON.parse(text)).toEqual({
      maxPayloadSize: 65_536,
      maxInflightMessages: 100,
      rateLimits: { messages: '100:1', telemetryMessages: '', telemetryDataPoints: '' },
    });
  });

  it('57: a gateway also hears the limits of its sub-devices', async () => {
    const body = { name: 'r57-gw', type: 'smart-meter', additionalInfo: { gateway: true } };
    await api(broker, '/api/device?accessToken=r57-gw-token', { method: 'POST', body });
    await using client = await connect('r57-gw-token');
    await client.publish('v1/devices/me/rpc/request/1', '{"method":"getSessionLimits"}');
    const text = (await taken(client)).split(/ (.*)/)[1] ?? '';
    expect(Object.keys(JSON.parse(text).gatewayRateLimits)).toEqual([
      'messages',
      'telemetryMessages',
      'telemetryDataPoints',
    ]);
  });

  it('58: a call that no rule answers gets {"error":"timeout"} after the configured time', async () => {
    await using client = await connect(await newDevice(broker, 'r58'));
    const before = performance.now();
    await client.publish('v1/devices/me/rpc/request/5', '{"method":"unknown","params":{}}');
    expect(await taken(client)).toBe('v1/devices/me/rpc/response/5 {"error":"timeout"}');
    expect(performance.now() - before).toBeGreaterThan(350);
  });

  it.each([
    ['v1/devices/me/rpc/request/9', 'v1/devices/me/rpc/response/9'],
    ['v2/r/req/9', 'v2/r/res/9'],
    ['v2/r/req/j/9', 'v2/r/res/j/9'],
  ])('3.8: the chain answers %s on %s', async (request, response) => {
    await using client = await connect(await newDevice(broker, `r38-${request.length}`));
    await client.publish(request, '{"method":"getTime"}');
    expect(await taken(client)).toBe(`${response} {"method":"getTime","params":null}`);
  });

  it('3.11: bad JSON of a call or an empty answer is a validation failure, a call without method a fault', async () => {
    const token = await newDevice(broker, 'r311');
    await using client = await connect(token, 5);
    expect(await client.publish('v1/devices/me/rpc/request/1', 'no json')).toBe(0x99);
    expect(await client.publish('v1/devices/me/rpc/request/1', '[]')).toBe(0x99);
    expect(await client.publish('v1/devices/me/rpc/response/1', '')).toBe(0x99);
    client.send({
      cmd: 'publish',
      topic: 'v1/devices/me/rpc/request/1',
      payload: '{"params":{}}',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 9,
    });
    expect(await client.ended()).toBe(0x8b);
    expect(client.unread).not.toContain('puback');
  });

  it.each(['v1/devices/me/rpc/request/x', 'v2/r/req/j/x', 'v1/devices/me/rpc/response/x'])(
    '3.11: an id that is no number ends the session: %s',
    async (topic) => {
      const token = await newDevice(broker, `r311-${topic.length}`);
      await using v5 = await connect(token, 5);
      v5.publishQos0(topic, '{"method":"m"}');
      expect(await v5.ended()).toBe(0x8b);
      await using v3 = await connect(token);
      v3.send({ cmd: 'publish', topic, payload: '{"method":"m"}', qos: 1, dup: false, retain: false, messageId: 9 });
      await v3.ended();
      expect(v3.unread).toEqual([]);
    },
  );

  it('3.7: a persistent call is delivered after a kill and a restart, and its answer is kept', async () => {
    const token = await newDevice(broker, 'r-persist');
    const id = await deviceId(broker, 'r-persist');
    const made = await call(id, 'rpc/twoway', { method: 'm', params: { n: 1 }, persistent: true, timeout: 600_000 });
    const { rpcId } = JSON.parse(made.text) as { rpcId: string };
    const state = () => api<{ status: string; response: unknown }>(broker, `/api/rpc/persistent/${rpcId}`);
    const becomes = (status: string) =>
      expect.poll(async () => (await state()).status, { timeout: 10_000 }).toBe(status);
    expect((await state()).status).toBe('QUEUED');
    await broker.restart('SIGKILL');
    expect((await state()).status).toBe('QUEUED');
    await using client = await connect(token);
    await client.subscribe(CALLS);
    const packet = (await client.next('publish')) as IPublishPacket;
    expect(`${packet.topic} ${packet.payload}`).toBe('v1/devices/me/rpc/request/0 {"method":"m","params":{"n":1}}');
    await becomes('SENT');
    client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    await becomes('DELIVERED');
    await client.publish('v1/devices/me/rpc/response/0', '{"done":1}');
    expect(await state()).toMatchObject({ status: 'SUCCESSFUL', response: { done: 1 } });
    await broker.restart('SIGKILL');
    expect(await state()).toMatchObject({ status: 'SUCCESSFUL', response: { done: 1 } });
  });

  it('3.7: an expired persistent call is EXPIRED; calls are listed by state and deleted', async () => {
    await newDevice(broker, 'r-list');
    const id = await deviceId(broker, 'r-list');
    const make = async (timeout: number) =>
      JSON.parse((await call(id, 'rpc/oneway', { method: 'm', persistent: true, timeout })).text).rpcId as string;
    const [short, long] = [await make(100), await make(600_000)];
    const list = async (query = '') =>
      (
        await api<{ data: { id: { id: string } }[] }>(
          broker,
          `/api/rpc/persistent/device/${id}?pageSize=10&page=0${query}`,
        )
      ).data.map((rpc) => rpc.id.id);
    await expect.poll(() => list('&rpcStatus=EXPIRED'), { timeout: 5_000 }).toEqual([short]);
    expect(await list()).toEqual([long, short]);
    await api(broker, `/api/rpc/persistent/${long}`, { method: 'DELETE' });
    expect(await list()).toEqual([short]);
    await expect(api(broker, `/api/rpc/persistent/${long}`)).rejects.toThrow('404');
  });

  it('3.7: a persistent answer that is no JSON is kept as an error', async () => {
    const { client, id } = await listening('r-persist-text');
    await using _ = client;
    const made = await call(id, 'rpc/twoway', { method: 'm', params: {}, persistent: true, timeout: 600_000 });
    await taken(client);
    await client.publish('v1/devices/me/rpc/response/0', 'no json');
    const path = `/api/rpc/persistent/${JSON.parse(made.text).rpcId}`;
    expect(await api(broker, path)).toMatchObject({ response: { error: 'no json' } });
  });

  it('6.1: over HTTP a poll takes one call, the answer is posted, and a device calls the server', async () => {
    const token = await newDevice(broker, 'r61');
    const id = await deviceId(broker, 'r61');
    const base = `${broker.url}/api/v1/${token}/rpc`;
    expect((await fetch(`${base}?timeout=50`)).status).toBe(408);
    const poll = fetch(`${base}?timeout=5000`);
    const answer = call(id, 'rpc/twoway', { method: 'm', params: { a: 1 }, timeout: 5_000 });
    expect(await (await poll).text()).toBe('{"id":0,"method":"m","params":{"a":1}}');
    expect((await fetch(`${base}/0`, { method: 'POST', body: '{"ok":1}' })).status).toBe(200);
    expect(await answer).toEqual({ status: 200, text: '{"ok":1}' });
    const post = async (body: string) => {
      const response = await fetch(base, { method: 'POST', body });
      return [response.status, await response.text()];
    };
    expect(await post('{"method":"getTime","params":{}}')).toEqual([200, '{"method":"getTime","params":{}}']);
    expect(await post('{"method":"none","params":{}}')).toEqual([200, '{"error":"timeout"}']);
    expect((await post('{"method":"getTime"}'))[0]).toBe(500);
    expect((await post('{"params":{}}'))[0]).toBe(500);
  });

  it('rpc call request: the chain calls the device, acknowledges at once and goes on with the answer', async () => {
    const { client } = await listening('r-chain');
    await using _ = client;
    expect(await client.publish('v1/devices/me/telemetry', '{"t":1}')).toBe(0);
    expect(await taken(client)).toBe('v1/devices/me/rpc/request/0 {"method":"ask","params":{"why":"chain"}}');
    await client.publish('v1/devices/me/rpc/response/0', '{"because":42}');
    await expect.poll(() => latest(broker, 'r-chain')).toEqual({ because: '42' });
  });
});
