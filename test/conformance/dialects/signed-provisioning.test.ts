import { createHash, createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { CoapPeer } from '../../helpers/coap-peer.ts';
import { eventChain, eventsOf } from '../../helpers/event-chain.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';
import { signedNow as request, TBP1_SECRET as SECRET } from '../../helpers/tbp1.ts';

const secret = { env: 'SECRET' };
const create = { strategy: 'allow-create-new-devices', secret };
const PROFILES = {
  signed: { ...create, key: 'pk-demo', proof: { requireSignature: true } },
  listed: { ...create, key: 'pk-listed', allowList: { mode: 'serials' } },
  hashed: { ...create, key: 'pk-hashed', allowList: { mode: 'hashed-serials' } },
  two: { ...create, key: 'pk-two', quota: 2 },
  slow: { ...create, key: 'pk-slow', rate: '1:3600' },
  past: { ...create, key: 'pk-past', window: { until: '2020-01-01' } },
  hooked: { ...create, key: 'pk-hooked', hook: { chain: 'gate' } },
  silent: { ...create, key: 'pk-silent', hook: { chain: 'silence', timeoutMs: 200 } },
  broken: { ...create, key: 'pk-broken', hook: { chain: 'broken', timeoutMs: 200 } },
  other: { strategy: 'disabled' },
};
const NOT_FOUND = '{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}';
const FAILURE = '{"errorMsg":"Failed to provision device!","status":"FAILURE"}';

const script = (code: string) => ({ kind: 'transform/script', config: { scriptLang: 'JS', jsScript: code } });
/** Decides by what the device claims. */
const GATE = {
  name: 'gate',
  first: 'decide',
  nodes: {
    decide: {
      ...script(
        "return {msg: {allow: msg.batch === 'good', name: 'rod ' + msg.serial, profile: msg.wants, customer: msg.owner}, metadata: metadata, msgType: msgType};",
      ),
      to: { Success: 'answer' },
    },
    answer: { kind: 'rest/reply' },
  },
};
const SILENCE = { name: 'silence', first: 'end', nodes: { end: { kind: 'filter/msg-type-switch' } } };
const BROKEN = {
  name: 'broken',
  first: 'fail',
  nodes: {
    fail: { ...script('return {msg: {allow: metadata.no.such}, metadata: metadata, msgType: msgType};'), to: {} },
  },
};

const plain = (key: string, deviceName: string, more: object = {}): string =>
  JSON.stringify({ provisionDeviceKey: key, provisionDeviceSecret: SECRET, deviceName, ...more });

describe('signed provisioning and its rules', () => {
  let broker: Broker;
  let dir: string;
  let chain: Awaited<ReturnType<typeof eventChain>>;

  const overHttp = async (body: string): Promise<string> => {
    const answer = await fetch(`${broker.url}/api/v1/provision`, { method: 'POST', body });
    return answer.text();
  };
  const overMqtt = async (body: string, topic = '/provision/request'): Promise<string> => {
    await using session = await MqttClient.connect({ port: broker.ports.mqtt, userName: 'provision' });
    await session.publish(topic, body);
    return (await session.message()).replace('/provision/response ', '');
  };
  const overCoap = async (body: string): Promise<string> => {
    await using peer = await CoapPeer.open(broker.ports.coap ?? 0);
    return (await peer.call({ method: 'POST', path: '/api/v1/provision', payload: body })).payload.toString();
  };
  const statusOf = (text: string): string => (JSON.parse(text) as { status: string }).status;
  const types = async (name: string): Promise<readonly string[]> =>
    (await eventsOf(broker, name)).map(({ msgType }) => msgType);
  const eventually = (name: string, type: string) =>
    expect.poll(() => types(name), { timeout: 10_000 }).toContain(type);
  const deviceOf = (name: string) =>
    api<{ type?: string; customerId?: { id: string } }>(
      broker,
      `/api/tenant/devices?deviceName=${encodeURIComponent(name)}`,
    );
  const serials = (profile: string, list: readonly string[], path = '') =>
    api(broker, `/api/gridmoor/profiles/${profile}/serials${path}`, { method: 'POST', body: { serials: list } });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-proof-'));
    for (const [name, provision] of Object.entries(PROFILES)) {
      await writeFile(join(dir, `${name}.json`), JSON.stringify({ name, provision }));
    }
    chain = await eventChain('Other');
    for (const one of [GATE, SILENCE, BROKEN]) {
      await writeFile(join(chain.chainsDir, `${one.name}.json`), JSON.stringify(one));
    }
    const env = { SECRET, GRIDMOOR_FREE_REFUSALS: '100000', COAP_BIND_PORT: '0' };
    broker = await startBroker({ profilesDir: dir, chainsDir: chain.chainsDir, env });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  it('case 34: signed with the secret or with the key of the device, over MQTT, HTTP and CoAP', async () => {
    for (const ask of [overMqtt, overHttp, overCoap]) {
      expect(statusOf(await ask(request()))).toBe('SUCCESS');
      const key = createHmac('sha256', SECRET).update(`TBP1-device\nmeter-${ask.name}`).digest();
      expect(statusOf(await ask(request({ deviceName: `meter-${ask.name}` }, key)))).toBe('SUCCESS');
      const used = request();
      expect(statusOf(await ask(used))).toBe('SUCCESS');
      expect(await ask(used)).toBe(NOT_FOUND);
      expect(await ask(request({ timestamp: Date.now() - 301_000 }))).toBe(NOT_FOUND);
      expect(await ask(request().replace('ACCESS_TOKEN', 'MQTT_BASIC'))).toBe(NOT_FOUND);
      expect(await ask(plain('pk-demo', 'unsigned'))).toBe(NOT_FOUND);
    }
    expect(await overHttp(request().replace('"sign":"', '"sign":"00'))).toBe(NOT_FOUND);
  });

  it('case 34: a device without a clock signs a challenge, once', async () => {
    const http = await (await fetch(`${broker.url}/api/v1/provision/challenge`)).json();
    const mqtt = JSON.parse(await overMqtt('', '/provision/challenge'));
    await using peer = await CoapPeer.open(broker.ports.coap ?? 0);
    const coap = JSON.parse((await peer.call({ path: '/api/v1/provision/challenge' })).payload.toString());
    for (const { nonce, serverTime, ttl } of [http, mqtt, coap]) {
      expect(ttl).toBe(60);
      expect(Math.abs(serverTime - Date.now())).toBeLessThan(60_000);
      const body = request({ nonce, timestamp: 0 });
      expect(statusOf(await overMqtt(body))).toBe('SUCCESS');
      expect(await overMqtt(body)).toBe(NOT_FOUND);
    }
  });

  it('claims reach the chain once, with the device', async () => {
    const deviceName = 'meter-with-claims';
    const claims = JSON.stringify({ token: 'a-token-of-its-own-01', batch: 'B-7', model: 'X1' });
    expect(statusOf(await overHttp(request({ deviceName, claims })))).toBe('SUCCESS');
    await eventually(deviceName, 'PROVISION_SUCCESS');
    const event = (await eventsOf(broker, deviceName)).find(({ msgType }) => msgType === 'PROVISION_SUCCESS');
    expect(event?.data).toEqual({ batch: 'B-7', model: 'X1', deviceName, outcome: 'created' });
  });

  it('a serial that is not listed gets the answer of a wrong secret, and the chain hears of it', async () => {
    expect(await serials('listed', ['rod-1', 'rod-2', 'rod-1'])).toEqual({ added: 2, known: 1 });
    expect(statusOf(await overMqtt(plain('pk-listed', 'rod-1')))).toBe('SUCCESS');
    expect(await overMqtt(plain('pk-listed', 'rod-3'))).toBe(NOT_FOUND);
    expect(await overMqtt(plain('pk-listed', ''))).toBe(NOT_FOUND);
    expect(await serials('listed', ['rod-2', 'rod-9'], '/remove')).toEqual({ removed: 1 });
    expect(await overMqtt(plain('pk-listed', 'rod-2'))).toBe(NOT_FOUND);
    await eventually('Tenant', 'ALLOWLIST_MISS');
    const miss = (await eventsOf(broker, 'Tenant')).find(({ data }) => data.serial === 'rod-3');
    expect(miss).toMatchObject({ msgType: 'ALLOWLIST_MISS', data: { address: '127.0.0.1', reason: 'not-listed' } });
    expect(JSON.stringify(miss)).not.toContain(SECRET);
  });

  it('hashed serials let in the serials, and not their hashes', async () => {
    const hash = createHash('sha256').update('rod-h1').digest('hex');
    await serials('hashed', [hash.toUpperCase(), 'rod-h2']);
    const { data } = await api<{ data: string[] }>(broker, '/api/gridmoor/profiles/hashed/serials');
    expect(data).toHaveLength(2);
    expect(data).toContain(hash);
    expect(statusOf(await overMqtt(plain('pk-hashed', 'rod-h1')))).toBe('SUCCESS');
    expect(statusOf(await overMqtt(plain('pk-hashed', 'rod-h2')))).toBe('SUCCESS');
    expect(await overMqtt(plain('pk-hashed', hash))).toBe(NOT_FOUND);
  });

  it('case 31: the third device of a quota of two is refused, and the others are not touched', async () => {
    const token = 'token-of-the-first-0123';
    expect(statusOf(await overMqtt(plain('pk-two', 'two-1', { token })))).toBe('SUCCESS');
    expect(statusOf(await overMqtt(plain('pk-two', 'two-2')))).toBe('SUCCESS');
    expect(await overMqtt(plain('pk-two', 'two-3'))).toBe(FAILURE);
    await eventually('Tenant', 'QUOTA_EXCEEDED');
    expect((await fetch(`${broker.url}/api/v1/${token}/telemetry`, { method: 'POST', body: '{"a":1}' })).status).toBe(
      200,
    );
  });

  it('a rate that is reached, and a window that is over, are told to the chain', async () => {
    expect(statusOf(await overMqtt(plain('pk-slow', 'slow-1')))).toBe('SUCCESS');
    expect(await overMqtt(plain('pk-slow', 'slow-2'))).toBe(FAILURE);
    await eventually('Tenant', 'RATE_LIMITED');
    expect(await overMqtt(plain('pk-past', 'past-1'))).toBe(FAILURE);
    await expect
      .poll(async () => (await eventsOf(broker, 'Tenant')).map(({ data }) => data.reason), { timeout: 10_000 })
      .toContain('window');
  });

  it('case 32: a hook decides, and its overrides are followed', async () => {
    const ask = (deviceName: string, claims: object) =>
      overMqtt(request({ provisionDeviceKey: 'pk-hooked', deviceName, claims: JSON.stringify(claims) }));
    expect(await ask('h1', { batch: 'bad' })).toBe(FAILURE);
    expect(statusOf(await ask('h2', { batch: 'good', wants: 'other', owner: 'Sol Energia' }))).toBe('SUCCESS');
    const device = await deviceOf('rod h2');
    expect(device.type).toBe('other');
    const customer = await api<{ title: string }>(broker, `/api/customer/${device.customerId?.id}`);
    expect(customer.title).toBe('Sol Energia');
    expect(await ask('h3', { batch: 'good', wants: 'no such profile' })).toBe(FAILURE);
    expect(await ask('h4', { batch: 'good', owner: '<b>' })).toBe(FAILURE);
  });

  it('case 32: a hook that fails, or does not answer in time, refuses', async () => {
    expect(await overMqtt(plain('pk-silent', 'q1'))).toBe(FAILURE);
    expect(await overMqtt(plain('pk-broken', 'q2'))).toBe(FAILURE);
    await expect
      .poll(async () => (await eventsOf(broker, 'Tenant')).filter(({ data }) => data.reason === 'hook-failed').length, {
        timeout: 10_000,
      })
      .toBeGreaterThanOrEqual(2);
  });
});
