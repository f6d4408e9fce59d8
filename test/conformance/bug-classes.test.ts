import mqtt, { type IConnectPacket, type Packet } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { RawMqtt } from '../helpers/mqtt-raw.ts';
import { api, attributes, deviceId, latest, newDevice, provision } from '../helpers/system.ts';
import { withLoad } from '../helpers/with-load.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
const OWN = [
  ATTRIBUTES,
  'v1/devices/me/attributes/response/+',
  'v1/devices/me/rpc/request/+',
  'v1/devices/me/rpc/response/+',
];
const TOO_WIDE = ['#', '+/#', 'v1/#', 'v1/devices/+/attributes', '/provision/response', '$share/g/v1/devices/me/#'];
const DOLLAR = ['$SYS/x', '$CONTROL/x', '$delayed/1/v1/devices/me/telemetry', '$share/g/v1/devices/me/telemetry', '$x'];
const BOMB_BYTES = 16 * 1024 * 1024;

describe('bug classes of brokers', () => {
  let broker: Broker;

  beforeAll(async () => {
    broker = await startBroker({
      env: {
        GRIDMOOR_FREE_REFUSALS: '1000000',
        MQTT_MAX_PAYLOAD_BYTES: String(BOMB_BYTES),
        HTTP_MAX_PAYLOAD_BYTES: String(BOMB_BYTES),
        LOG_LEVEL: 'trace',
      },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  const connect = (userName: string, version: 4 | 5 = 5, clientId = '') =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName, clientId });

  async function connectRaw(fields: Partial<IConnectPacket>): Promise<RawMqtt> {
    const raw = await RawMqtt.connect(broker.ports.mqtt);
    const version = fields.protocolVersion ?? 4;
    const start = { cmd: 'connect', protocolId: 'MQTT', clean: true, keepalive: 60, clientId: '' } as const;
    raw.send(mqtt.generate({ ...start, protocolVersion: version, ...fields }, { protocolVersion: version }));
    return raw;
  }

  const share = async (name: string, body: unknown): Promise<unknown> =>
    api(broker, `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`, { method: 'POST', body });

  describe('wildcard or pattern in identity', () => {
    /** What a session hears while the victim is spoken to and speaks. */
    async function overhears(session: MqttClient): Promise<readonly string[]> {
      expect(await session.subscribe(...TOO_WIDE)).toEqual(TOO_WIDE.map(() => 0x8f));
      expect(await session.subscribe(...OWN)).toEqual(OWN.map(() => 1));
      await using victim = await connect('token-of-victim-0123456789');
      await victim.subscribe(ATTRIBUTES);
      await share('victim', { secret: Math.random() });
      expect(await victim.message()).toContain('secret');
      await victim.publish(TELEMETRY, '{"own":1}');
      await session.alive();
      return session.unread;
    }
    beforeAll(() => newDevice(broker, 'victim'));

    it.each(['#', '+', '+/#', 'victim/#', '/', '$SYS', '.*', 'a|victim', '(', '[', '\\', '${x}', 'ｖictim', '\u202ev'])(
      'a client id of %j gives no more rights',
      async (clientId) => {
        await newDevice(broker, 'pattern-id').catch(() => {});
        await using session = await connect('token-of-pattern-id-0123456789', 5, clientId);
        expect(await overhears(session)).toEqual([]);
      },
    );

    it.each(['#', '+/+', '$SYS/#', '.*', 'v1/devices/me/+', '^(', 'victim/../victim'])(
      'a device, a token and a login of %j give no more rights',
      async (name) => {
        const basic = { credentialsType: 'MQTT_BASIC', clientId: name, username: name, password: 'p' };
        expect(await provision(broker, { deviceName: `${name} basic`, ...basic })).toMatchObject({ status: 'SUCCESS' });
        expect(await provision(broker, { deviceName: name, token: name })).toMatchObject({ status: 'SUCCESS' });
        await using byToken = await connect(name);
        expect(await overhears(byToken)).toEqual([]);
        const login = { port: broker.ports.mqtt, version: 5, userName: name, password: 'p', clientId: name } as const;
        await using byLogin = await MqttClient.connect(login);
        expect(await overhears(byLogin)).toEqual([]);
      },
    );

    it.each([
      'token-of-victim-012345678+',
      '#',
      '+',
      'token-of-victim-0123456789\u0301',
      'TOKEN-OF-VICTIM-0123456789',
      '%',
    ])('a user name of %j is nobody', async (userName) => {
      await using client = await MqttClient.open({ port: broker.ports.mqtt, version: 5, userName: `${userName}?` });
      expect(await client.connack()).toBe(0x86);
    });
  });

  it.each(DOLLAR)('$-topics: %s cannot be subscribed, published, retained or willed', async (topic) => {
    const name = `dollar ${topic}`;
    const userName = await newDevice(broker, name, `token-of-${topic.length}-${topic}-0123456789`);
    await using client = await connect(userName);
    expect(await client.subscribe(topic)).toEqual([0x8f]);
    expect(await client.publish(topic, '{"a":1}')).toBe(0x90);
    client.send({ cmd: 'publish', topic, payload: '{"a":1}', qos: 1, dup: false, retain: true, messageId: 9 });
    await client.next('puback');
    const will = { topic, payload: Buffer.from('{"a":1}'), qos: 1, retain: true } as const;
    await using willed = await connectRaw({ username: userName, will });
    await willed.next();
    await willed[Symbol.asyncDispose]();
    await using again = await connect(userName);
    await again.alive();
    expect(again.unread).toEqual([]);
    expect(await latest(broker, name)).toEqual({});
  });

  it('rights revoked, session lives: a QoS 2 handshake half done is not finished by the next session', async () => {
    const userName = await newDevice(broker, 'half-done');
    const id = await deviceId(broker, 'half-done');
    await using client = await connect(userName);
    const publish = { cmd: 'publish', topic: TELEMETRY, qos: 2, dup: false, retain: false, messageId: 7 } as const;
    client.send({ ...publish, payload: '{"before":1}' });
    await client.next('pubrec');
    const rotated = performance.now();
    const credentials = { type: 'ACCESS_TOKEN', token: 'half-done-new' };
    await api(broker, `/api/gridmoor/devices/${id}/rotate`, { method: 'POST', body: { credentials } });
    expect(await client.ended()).toBe(0x98);
    expect(performance.now() - rotated).toBeLessThan(withLoad(1_000));
    await using refused = await MqttClient.open({ port: broker.ports.mqtt, version: 5, userName });
    expect(await refused.connack()).toBe(0x86);
    await using next = await connect('half-done-new');
    next.send({ cmd: 'pubrel', messageId: 7 });
    expect(await next.next('pubcomp')).toMatchObject({ messageId: 7, reasonCode: 0x92 });
    next.send({ ...publish, dup: true, payload: '{"after":1}' });
    await next.next('pubrec');
    expect(await latest(broker, 'half-done')).toEqual({ before: '1', after: '1' });
  });

  it('retained leak: what was sent with the flag is stored, and given to no subscriber', async () => {
    const userName = await newDevice(broker, 'retainer');
    await using client = await connect(userName, 4);
    for (const [i, topic] of [TELEMETRY, ATTRIBUTES, 'v1/devices/me/rpc/request/1'].entries()) {
      const payload = '{"method":"m","params":{},"kept":1}';
      client.send({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: true, messageId: i + 1 });
      await client.next('puback');
    }
    expect(await attributes(broker, 'retainer', 'CLIENT_SCOPE')).toMatchObject({ kept: 1 });
    await using other = await connect(await newDevice(broker, 'retain-listener'), 4);
    await using same = await connect(userName, 4);
    for (const session of [other, same]) {
      expect(await session.subscribe(...OWN)).toEqual(OWN.map(() => 1));
      await session.alive();
      expect(session.unread).toEqual([]);
    }
  });

  it.each([4, 5] as const)(
    'will bypass: no will is ever sent, whatever its topic (MQTT %i)',
    async (protocolVersion) => {
      const username = await newDevice(broker, `willing-${protocolVersion}`);
      await using witness = await connect(await newDevice(broker, `will-witness-${protocolVersion}`));
      await witness.subscribe(...OWN);
      for (const topic of [
        TELEMETRY,
        ATTRIBUTES,
        'v1/gateway/telemetry',
        '/provision',
        'v1/devices/me/rpc/request/1',
      ]) {
        const will = { topic, payload: Buffer.from('{"last":1}'), qos: 1, retain: false } as const;
        await using dying = await connectRaw({ username, protocolVersion, will });
        expect((await dying.next())?.body[1]).toBe(0);
      }
      await using after = await connect(username);
      await after.subscribe(...OWN);
      await after.alive();
      await witness.alive();
      expect([...after.unread, ...witness.unread]).toEqual([]);
      expect(await latest(broker, `willing-${protocolVersion}`)).toEqual({});
      expect(await attributes(broker, `willing-${protocolVersion}`, 'CLIENT_SCOPE')).toEqual({});
    },
  );

  it('reply broadcast: sessions that ask with the same id hear their own answer only', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `asker-${i}`);
    const sessions = await Promise.all(
      names.map(async (name) => connect(await newDevice(broker, name), 5, 'the-same-client-id')),
    );
    try {
      await Promise.all(sessions.map((session) => session.subscribe(...OWN)));
      await Promise.all(sessions.map((session, i) => session.publish(ATTRIBUTES, `{"who":"${names[i]}"}`)));
      const asked = sessions.map((session) => session.publish(`${ATTRIBUTES}/request/1`, '{"clientKeys":"who"}'));
      await Promise.all(asked);
      const heard = await Promise.all(sessions.map((session) => session.message()));
      expect(heard).toEqual(names.map((name) => `${ATTRIBUTES}/response/1 {"client":{"who":"${name}"}}`));
      await Promise.all(sessions.map((session) => session.alive()));
      expect(sessions.flatMap((session) => session.unread)).toEqual([]);
    } finally {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
    }
  });

  it.each([101, 30_000])(
    'deep topic: %i levels are refused in publish, subscribe, will and HTTP path',
    async (levels) => {
      const userName = await newDevice(broker, `deep-${levels}`);
      const deep = 'a'.concat('/a'.repeat(levels - 1)).slice(0, 65_535);
      const subscriptions = [{ topic: deep, qos: 0 as const }];
      const will = { topic: deep, payload: Buffer.from('x'), qos: 0, retain: false } as const;
      await using willed = await connectRaw({ username: userName, will });
      await willed.closing();
      const packets: readonly Packet[] = [
        { cmd: 'publish', topic: deep, payload: '{}', qos: 1, dup: false, retain: false, messageId: 1 },
        { cmd: 'subscribe', messageId: 1, subscriptions },
        { cmd: 'unsubscribe', messageId: 1, unsubscriptions: [deep] },
      ];
      for (const packet of packets) {
        await using client = await connect(userName);
        client.send(packet);
        expect(await client.ended()).toBeGreaterThanOrEqual(0x80);
      }
      for (const path of [`/api/v1/${userName}/telemetry/${deep}`, `/api/v1/${deep}/telemetry`, `/${deep}`]) {
        const response = await fetch(`${broker.url}${path}`, { method: 'POST', body: '{"a":1}' });
        expect([404, 414, 431]).toContain(response.status);
      }
      expect(await latest(broker, `deep-${levels}`)).toEqual({});
    },
  );

  describe('JSON bomb', () => {
    const bombs: readonly (readonly [string, () => Buffer])[] = [
      ['10^5 arrays', () => Buffer.from('['.repeat(100_000))],
      ['10^5 arrays that end', () => Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
      ['10^5 objects', () => Buffer.from('{"a":'.repeat(100_000))],
      ['10^6 keys', () => Buffer.from(`{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":1`).join(',')}}`)],
      ['10^6 samples', () => Buffer.from(`[${'{"a":1},'.repeat(1_000_000)}{"a":1}]`)],
      ['a lone surrogate', () => Buffer.from('{"a":"\\udc00"}')],
      ['bytes that are no UTF-8', () => Buffer.from('7b2261223a22c328227d', 'hex')],
      ['a surrogate in UTF-8', () => Buffer.from('7b2261223a22eda080227d', 'hex')],
      ['10 MB of an open text', () => Buffer.from(`{"a":"${'x'.repeat(10_000_000)}`)],
    ];

    it.each(bombs)('%s: refused over MQTT, in provisioning and over HTTP; nothing is stored', async (what, make) => {
      const name = `bombed by ${what}`;
      const userName = await newDevice(broker, name, `token-of-${what.replaceAll(' ', '-')}-0123456789`);
      const payload = make();
      await using witness = await connect('token-of-victim-0123456789');
      await using client = await connect(userName);
      expect(await client.publish(TELEMETRY, payload)).toBe(0x99);
      expect(await client.publish(ATTRIBUTES, payload)).toBe(0x99);
      await client.alive();
      await using provisioning = await connect('provision');
      expect(await provisioning.publish('/provision', payload)).toBe(0x99);
      const paths = [
        `${encodeURIComponent(userName)}/telemetry`,
        `${encodeURIComponent(userName)}/attributes`,
        'provision',
      ];
      for (const path of paths) {
        const headers = { 'content-type': 'application/json' };
        const response = await fetch(`${broker.url}/api/v1/${path}`, { method: 'POST', headers, body: payload });
        expect(response.status, path).toBe(500);
      }
      await witness.alive();
      expect(await latest(broker, name)).toEqual({});
      expect(await attributes(broker, name, 'CLIENT_SCOPE')).toEqual({});
    });

    it('a number of 10 MB, or beyond any double, stalls nobody and is kept digit by digit', async () => {
      const userName = await newDevice(broker, 'numbers');
      await using client = await connect(userName);
      await using witness = await connect('token-of-victim-0123456789');
      const asked = client.publish(TELEMETRY, `{"a":${'9'.repeat(10_000_000)}}`);
      await witness.alive();
      expect(await asked).toBe(0);
      expect(await client.publish(TELEMETRY, '{"b":1e999}')).toBe(0);
      const { a, b } = await latest(broker, 'numbers');
      expect([a?.length, b]).toEqual([10_000_000, '1e999']);
    });
  });

  it('log injection: what comes with line ends, escapes and JSON stays inside its line', async () => {
    const forged = 'x\r\n{"level":"fatal","event":"forged"}\u001b[2J';
    await using refused = await MqttClient.open({
      port: broker.ports.mqtt,
      version: 5,
      userName: forged,
      clientId: forged,
    });
    await refused.ended();
    const userName = await newDevice(broker, 'logged');
    await using client = await connect(userName, 5, 'a{"level":"fatal"}');
    await client.publish('v1/x"} {"level":"fatal"}', forged);
    await client.publish(TELEMETRY, forged);
    await client.publish(TELEMETRY, JSON.stringify({ [forged]: forged }));
    await provision(broker, { deviceName: forged });
    await fetch(`${broker.url}/api/v1/${encodeURIComponent(forged)}/telemetry`, {
      method: 'POST',
      body: forged,
      headers: { 'user-agent': '{"level":"fatal"}' },
    });
    await fetch(`${broker.url}/readyz`);
    expect(broker.stdout.filter((line) => line !== '').length).toBe(broker.logs().length);
    expect(broker.stdout.join('')).not.toContain('\u001b');
    expect(broker.logs().filter(({ level, event }) => level === 'fatal' || event === 'forged')).toEqual([]);
  });
});
