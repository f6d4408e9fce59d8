import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, attributes, deviceId, newDevice } from '../../helpers/system.ts';

const CLAIM = 'v1/devices/me/claim';
const DAY_MS = 86_400_000;

describe('thingsboard-device-api 12: claiming', () => {
  let broker: Broker;
  let closed: Broker;
  let customer: string;

  const open = (userName: string, version: 4 | 5 = 5, at = broker) =>
    MqttClient.connect({ port: at.ports.mqtt, userName, version });
  const newCustomer = async (title: string, at = broker) =>
    (await api<{ id: { id: string } }>(at, '/api/customer', { method: 'POST', body: { title } })).id.id;
  const claim = async (name: string, secretKey?: string, at = broker, by = customer) => {
    const path = `/api/customer/device/${name}/claim?customerId=${by}`;
    const response = await fetch(`${at.url}${path}`, {
      method: 'POST',
      headers: { 'X-Authorization': `ApiKey ${at.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(secretKey === undefined ? {} : { secretKey }),
    });
    const body = (await response.json()) as { response?: string; code?: string };
    return [response.status, body.response ?? body.code];
  };
  const offered = async (name: string, payload: string) => {
    await using client = await open(await newDevice(broker, name));
    expect(await client.publish(CLAIM, payload)).toBe(0);
  };
  const SUCCESS = [200, 'SUCCESS'];
  const FAILURE = [400, 'CLAIM_FAILED'];
  const CLAIMED = [400, 'ALREADY_CLAIMED'];

  beforeAll(async () => {
    broker = await startBroker();
    closed = await startBroker({ env: { GRIDMOOR_ALLOW_CLAIMING_BY_DEFAULT: 'false' } });
    customer = await newCustomer('Alice');
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await closed[Symbol.asyncDispose]();
  });

  it.each([
    ['61', ''],
    ['61-object', '{}'],
  ])('%s: after an empty offer the device can be claimed with an empty secret', async (name, payload) => {
    await offered(name, payload);
    expect(await claim(name)).toEqual(SUCCESS);
    expect(await claim(name)).toEqual(CLAIMED);
    const device = await api(broker, `/api/tenant/devices?deviceName=${name}`);
    expect(device.customerId).toEqual({ entityType: 'CUSTOMER', id: customer });
  });

  it('3.10: a wrong secret ends the offer, the right one then fails; a new offer counts again', async () => {
    await offered('wrong', '{"secretKey":"right-secret"}');
    expect(await claim('wrong', 'guess')).toEqual(FAILURE);
    expect(await claim('wrong', 'right-secret')).toEqual(FAILURE);
    await using client = await open('token-of-wrong-0123456789');
    await client.publish(CLAIM, '{"secretKey":"right-secret"}');
    expect(await claim('wrong', 'right-secret')).toEqual(SUCCESS);
  });

  it('3.10: the first offer stands until it expires', async () => {
    await using client = await open(await newDevice(broker, 'first'));
    await client.publish(CLAIM, '{"secretKey":"one","durationMs":1}');
    await expect.poll(() => claim('first', 'one')).toEqual(FAILURE);
    await client.publish(CLAIM, '{"secretKey":"two","durationMs":60000}');
    await client.publish(CLAIM, '{"secretKey":"three","durationMs":60000}');
    expect(await claim('first', 'two')).toEqual(SUCCESS);
  });

  it('3.10: a device without an offer cannot be claimed; a claimed one offers in vain, until it is taken back', async () => {
    await newDevice(broker, 'silent');
    expect(await claim('silent')).toEqual(FAILURE);
    await offered('taken', '{"secretKey":"s"}');
    expect(await claim('taken', 's')).toEqual(SUCCESS);
    await using client = await open('token-of-taken-0123456789');
    await client.publish(CLAIM, '{"secretKey":"s"}');
    await api(broker, '/api/customer/device/taken/claim', { method: 'DELETE' });
    expect(await claim('taken', 's')).toEqual(FAILURE);
    await client.publish(CLAIM, '{"secretKey":"s"}');
    expect(await claim('taken', 's')).toEqual(SUCCESS);
  });

  it('3.10: of two customers who claim at once one gets the device', async () => {
    const other = await newCustomer('Bob');
    await offered('rivals', '{"secretKey":"s"}');
    const all = await Promise.all([claim('rivals', 's'), claim('rivals', 's', broker, other)]);
    expect(all.filter(([status]) => status === 200)).toHaveLength(1);
  });

  it('3.10: an offer survives kill -9 of the broker, and its secret is nowhere in the data directory', async () => {
    await offered('durable', '{"secretKey":"planted-claim-secret-1"}');
    await broker.restart('SIGKILL');
    const store = join(broker.dataDir, 'store');
    const bytes = readdirSync(store).map((file) => readFileSync(join(store, file), 'latin1'));
    expect(bytes.some((text) => text.includes('planted-claim-secret-1'))).toBe(false);
    expect(await claim('durable', 'planted-claim-secret-1')).toEqual(SUCCESS);
    expect([...broker.stdout, ...broker.stderr].join('')).not.toContain('planted-claim-secret-1');
  });

  it.each([4, 5] as const)('3.10: what is no object is a validation failure (version %i)', async (version) => {
    await using client = await open(await newDevice(broker, `bad-${version}`), version);
    client.send({ cmd: 'publish', topic: CLAIM, payload: '[1]', qos: 1, dup: false, retain: false, messageId: 9 });
    if (version === 4) await client.ended();
    else expect(await client.next('puback')).toMatchObject({ reasonCode: 0x99 });
  });

  it('6.1: over HTTP the offer is 200 with and without a body', async () => {
    for (const [name, body] of [['h1'], ['h2', '{"secretKey":"s"}']] as const) {
      const url = `${broker.url}/api/v1/${await newDevice(broker, name)}/claim`;
      const response = await fetch(url, { method: 'POST', ...(body === undefined ? {} : { body }) });
      expect([response.status, await response.text()]).toEqual([200, '']);
      expect(await claim(name, body === undefined ? undefined : 's')).toEqual(SUCCESS);
    }
    const bad = await fetch(`${broker.url}/api/v1/token-of-h1-0123456789/claim`, { method: 'POST', body: '5' });
    expect(bad.status).toBe(500);
  });

  it('3.10: with claiming closed by default only devices with claimingAllowed may; claimingData stands for an offer', async () => {
    const alice = await newCustomer('Alice', closed);
    const id = async (name: string) => deviceId(closed, name);
    const set = async (name: string, body: unknown) =>
      api(closed, `/api/plugins/telemetry/DEVICE/${await id(name)}/SERVER_SCOPE`, { method: 'POST', body });
    await using client = await open(await newDevice(closed, 'shy'), 5, closed);
    await client.publish(CLAIM, '{"secretKey":"s"}');
    expect(await claim('shy', 's', closed, alice)).toEqual(FAILURE);
    await set('shy', { claimingAllowed: true });
    await client.publish(CLAIM, '{"secretKey":"s"}');
    expect(await claim('shy', 's', closed, alice)).toEqual(SUCCESS);

    await newDevice(closed, 'told');
    await set('told', { claimingData: { secretKey: 'planted-secret-2', expirationTime: Date.now() + DAY_MS } });
    expect(JSON.stringify(await attributes(closed, 'told', 'SERVER_SCOPE'))).not.toContain('planted-secret-2');
    expect(await claim('told', 'planted-secret-2', closed, alice)).toEqual(SUCCESS);
    expect(await attributes(closed, 'told', 'SERVER_SCOPE')).not.toHaveProperty('claimingData');

    await newDevice(closed, 'guessed');
    await set('guessed', { claimingData: { secretKey: 's', expirationTime: Date.now() + DAY_MS } });
    expect(await claim('guessed', 'guess', closed, alice)).toEqual(FAILURE);
    expect(await attributes(closed, 'guessed', 'SERVER_SCOPE')).not.toHaveProperty('claimingData');
    expect(await claim('guessed', 's', closed, alice)).toEqual(FAILURE);
  });

  it('customers are listed, shown and unique; an unknown one claims nothing', async () => {
    const page = await api<{ data: { title: string }[] }>(broker, '/api/customers?page=0&pageSize=10');
    expect(page.data.map(({ title }) => title)).toContain('Alice');
    expect(await api(broker, `/api/customer/${customer}`)).toMatchObject({ title: 'Alice', name: 'Alice' });
    await expect(newCustomer('Alice')).rejects.toThrow('409');
    await offered('nobody', '{}');
    expect(await claim('nobody', '', broker, '0193b5f2-0000-7000-8000-000000000000')).toEqual([404, 'NOT_FOUND']);
  });
});
