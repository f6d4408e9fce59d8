import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { newDevice, provision } from '../../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
const RPC = 'v1/devices/me/rpc/request/+';

const secret = { env: 'PROVISION_SECRET_SMART_METER' };
const profile = (name: string, limits: object) => ({
  name,
  provision: { strategy: 'allow-create-new-devices', key: name, secret },
  limits,
});

describe('thingsboard-device-api 12: limits', () => {
  let profilesDir: string;
  const brokers: Broker[] = [];
  const start = async (env: Record<string, string>): Promise<Broker> => {
    const broker = await startBroker({ profilesDir, env });
    brokers.push(broker);
    return broker;
  };
  const deviceOf = async (broker: Broker, name: string, key: string): Promise<string> => {
    const answer = await provision(broker, { deviceName: name, token: `tok-${name}`, provisionDeviceKey: key });
    expect(answer.status).toBe('SUCCESS');
    return `tok-${name}`;
  };
  const open = (broker: Broker, userName: string, version: 4 | 5 = 5) =>
    MqttClient.open({ port: broker.ports.mqtt, userName, version });

  beforeAll(async () => {
    profilesDir = await mkdtemp(join(tmpdir(), 'gridmoor-profiles-'));
    for (const one of [
      profile('smart-meter', {}),
      profile('two', { telemetryMessages: '2:60' }),
      profile('points', { telemetryDataPoints: '3:60' }),
      profile('three', { messages: '3:60' }),
    ]) {
      await writeFile(join(profilesDir, `${one.name}.json`), JSON.stringify(one));
    }
  });
  afterAll(async () => {
    for (const broker of brokers) await broker[Symbol.asyncDispose]();
    await rm(profilesDir, { recursive: true, force: true });
  });

  it('71: the publish beyond telemetryMessages 2:60 closes the connection; reconnecting is allowed, others are not touched', async () => {
    const broker = await start({});
    for (const version of [4, 5] as const) {
      const token = await deviceOf(broker, `l71-${version}`, 'two');
      await using other = await open(broker, await deviceOf(broker, `other-${version}`, 'two'), version);
      await using client = await open(broker, token, version);
      for (const one of [client, other]) expect(await one.connack()).toBe(0);
      for (let i = 0; i < 2; i++) expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
      client.send({
        cmd: 'publish',
        topic: TELEMETRY,
        payload: '{"t":1}',
        qos: 1,
        dup: false,
        retain: false,
        messageId: 9,
      });
      expect(await client.ended()).toBe(version === 5 ? 0x83 : undefined);
      expect(client.unread).not.toContain('puback');
      await using again = await open(broker, token, version);
      expect(await again.connack()).toBe(0);
      expect(await other.publish(TELEMETRY, '{"t":1}')).toBe(0);
    }
  });

  it('7.3: data points count over all samples; nulls do not', async () => {
    const [broker = await start({})] = brokers;
    await using client = await open(broker, await deviceOf(broker, 'points', 'points'));
    expect(await client.connack()).toBe(0);
    expect(await client.publish(TELEMETRY, '[{"a":1,"x":null},{"b":1,"c":2}]')).toBe(0);
    client.publishQos0(TELEMETRY, '{"a":1}');
    expect(await client.ended()).toBe(0x83);
  });

  it('7.3: a session, and a subscription to attributes or calls, take from messages; what is over the limit is refused', async () => {
    const [broker = await start({})] = brokers;
    for (const version of [4, 5] as const) {
      const token = await deviceOf(broker, `three-${version}`, 'three');
      await using client = await open(broker, token, version);
      expect(await client.connack()).toBe(0);
      // Answers to the device's own requests cost nothing to wait for.
      expect(await client.subscribe('v1/devices/me/attributes/response/+')).toEqual([1]);
      expect(await client.subscribe(ATTRIBUTES, RPC)).toEqual([1, 1]);
      expect(await client.subscribe('v2/a')).toEqual([version === 5 ? 0x97 : 0x80]);
      await client.alive();
      await using late = await open(broker, token, version);
      expect(await late.connack()).toBe(version === 5 ? 0x9f : 3);
      await late.ended();
      await client.alive();
    }
  });

  it('7.3: a claim and a long poll take from messages; a violation over HTTP is 500', async () => {
    const [broker = await start({})] = brokers;
    const token = await deviceOf(broker, 'three-http', 'three');
    const url = `${broker.url}/api/v1/${token}`;
    expect((await fetch(`${url}/claim`, { method: 'POST' })).status).toBe(200);
    expect((await fetch(`${url}/attributes/updates?timeout=1`)).status).toBe(408);
    expect((await fetch(`${url}/attributes`)).status).toBe(200);
    const over = await fetch(`${url}/attributes/updates?timeout=1`);
    expect([over.status, await over.text()]).toEqual([500, 'rate limit reached']);
    expect((await fetch(`${url}/claim`, { method: 'POST' })).status).toBe(500);
    await using client = await open(broker, await deviceOf(broker, 'three-claim', 'three'));
    expect(await client.connack()).toBe(0);
    for (let i = 0; i < 2; i++) expect(await client.publish('v1/devices/me/claim', '{}')).toBe(0);
    client.publishQos0('v1/devices/me/claim', '{}');
    expect(await client.ended()).toBe(0x83);
  });

  it('7.3: limits of the instance count all devices together, and are asked before the device its own', async () => {
    const broker = await start({ GRIDMOOR_INSTANCE_TELEMETRY_MESSAGES: '4:3600' });
    await using a = await open(broker, await deviceOf(broker, 'a', 'two'));
    await using b = await open(broker, await deviceOf(broker, 'b', 'smart-meter'));
    for (const one of [a, b]) expect(await one.connack()).toBe(0);
    for (let i = 0; i < 2; i++) expect(await a.publish(TELEMETRY, '{"t":1}')).toBe(0);
    a.publishQos0(TELEMETRY, '{"t":1}'); // beyond the device's own limit, but the instance's token is spent
    expect(await a.ended()).toBe(0x83);
    expect(await b.publish(TELEMETRY, '{"t":1}')).toBe(0);
    b.publishQos0(TELEMETRY, '{"t":1}');
    expect(await b.ended()).toBe(0x83);
  });

  it('7.3: messages of the instance limit sessions of all devices', async () => {
    const broker = await start({ GRIDMOOR_INSTANCE_MESSAGES: '1:3600' });
    await using first = await open(broker, await newDevice(broker, 'one'));
    expect(await first.connack()).toBe(0);
    await using second = await open(broker, await newDevice(broker, 'two'));
    expect(await second.connack()).toBe(0x9f);
    await second.ended();
  });

  it('72: after 10 wrong tokens further connections of the address are dropped; then they are let in again', async () => {
    const broker = await start({
      MQTT_IP_LIMITS_ENABLED: 'true',
      MQTT_IP_BLOCK_MS: '2000',
      GRIDMOOR_FREE_REFUSALS: '1000',
    });
    const token = await newDevice(broker, 'l72');
    const wrong = async (): Promise<number> => {
      await using client = await open(broker, 'wrong', 4);
      return await client.connack();
    };
    for (let i = 0; i < 9; i++) expect(await wrong()).toBe(5);
    await using good = await open(broker, token);
    expect(await good.connack()).toBe(0); // one success makes everything good
    for (let i = 0; i < 10; i++) expect(await wrong()).toBe(5);
    await using dropped = await open(broker, token);
    await dropped.ended();
    expect(dropped.unread).toEqual([]);
    await good.alive(); // live connections stay
    await expect
      .poll(
        async () => {
          await using later = await open(broker, token);
          return await later.connack().catch(() => 'dropped');
        },
        { timeout: 10_000, interval: 200 },
      )
      .toBe(0);
  });

  it('7.4: without it wrong tokens are answered one and all', async () => {
    const broker = await start({ GRIDMOOR_FREE_REFUSALS: '1000' });
    for (let i = 0; i < 12; i++) {
      await using client = await open(broker, 'wrong', 4);
      expect(await client.connack()).toBe(5);
    }
  });

  it('7.4: a wrong login whose answer is held back for longer than a login may take hears that it is wrong', async () => {
    const broker = await start({
      GRIDMOOR_FREE_REFUSALS: '1',
      GRIDMOOR_REFUSAL_PAUSE_MS: '500',
      GRIDMOOR_REFUSAL_MAX_PAUSE_MS: '500',
      MQTT_LOGIN_TIMEOUT_MS: '100',
    });
    const codeOf = async (version: 4 | 5, userName: string): Promise<number> => {
      const given = { version, userName, password: 'wrong' };
      await using client = await MqttClient.open({ port: broker.ports.mqtt, ...given });
      return await client.connack();
    };
    for (const userName of ['wrong', 'apikey']) {
      expect(await codeOf(4, userName)).toBe(5);
      expect(await codeOf(5, userName)).toBe(0x86);
    }
  });
});
