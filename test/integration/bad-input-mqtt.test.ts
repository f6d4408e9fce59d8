import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { bytesOf, connectPacket, packetOf, RawMqtt } from '../helpers/mqtt-raw.ts';
import { api, deviceId, latest, newDevice, provision, requestOf } from '../helpers/system.ts';
import { linesOf, openSocket, rssOf, talk } from './raw-peer.ts';

const TLS = join(import.meta.dirname, '../fixtures/tls');
const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
const CONNECT_TIMEOUT_MS = 1_500;
/** Time to CONNECT, the second between two looks of Node's HTTP server, and a busy machine. */
const FREED_MS = CONNECT_TIMEOUT_MS + 1_000 + 4_000;

describe('bad input over MQTT', () => {
  let broker: Broker;
  const session = (version: 4 | 5 = 4) =>
    MqttClient.connect({ port: broker.ports.mqtt, version, userName: 'provision' });

  beforeAll(async () => {
    broker = await startBroker({
      env: {
        MQTT_CONNECT_TIMEOUT_MS: String(CONNECT_TIMEOUT_MS),
        MQTT_SSL_ENABLED: 'true',
        MQTT_SSL_BIND_PORT: '0',
        MQTT_SSL_PEM_CERT: join(TLS, 'cert.pem'),
        MQTT_SSL_PEM_KEY: join(TLS, 'key.pem'),
        MQTT_WS_BIND_PORT: '0',
        GRIDMOOR_FREE_REFUSALS: '1000000',
        LOG_LEVEL: 'debug',
      },
    });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  describe('payloads', () => {
    const refused: readonly (readonly [string, string | Buffer])[] = [
      ['nothing', ''],
      ['white space', ' \n'],
      ['a cut object', '{"a":'],
      ['text behind the value', '{"a":1} x'],
      ['a byte order mark', '\ufeff{"a":1}'],
      ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
      ['Latin-1', Buffer.from('{"ä":1}', 'latin1')],
      ['a lone surrogate', '{"a":"\\ud800"}'],
      ['a raw control character', '{"a":"\u0001"}'],
      ['a raw NUL', Buffer.from('{"a":"\u0000"}')],
      ['NaN', '{"a":NaN}'],
      ['a leading zero', '{"a":012}'],
      ['a comment', '{"a":1/*x*/}'],
      ['single quotes', "{'a':1}"],
      ['30,000 open arrays', '['.repeat(30_000)],
      ['30,000 open objects', '{"a":'.repeat(12_000)],
      ['an array of numbers', '[1,2]'],
      ['a text', '"on"'],
      ['an empty key', '{"":1}'],
      ['a key of 256 characters', `{"${'k'.repeat(256)}":1}`],
      ['a time that is a text', '{"ts":"now","values":{"a":1}}'],
      ['a time beyond 2^53', '{"ts":18446744073709551616,"values":{"a":1}}'],
      ['values that are a list', '{"ts":1,"values":[1]}'],
      ['a good sample beside a bad one', '[{"a":1},7]'],
    ];

    it('that cannot be read are answered with 0x99, leave a reason in the log, and store nothing', async () => {
      await using client = await MqttClient.connect({
        port: broker.ports.mqtt,
        version: 5,
        userName: await newDevice(broker, 'unreadable'),
      });
      for (const [what, payload] of refused) {
        expect({ what, code: await client.publish(TELEMETRY, payload) }).toEqual({ what, code: 0x99 });
      }
      expect(await client.publish(ATTRIBUTES, '[{"a":1}]')).toBe(0x99);
      expect(await latest(broker, 'unreadable')).toEqual({});
      expect(await client.publish(TELEMETRY, '{"good":1}')).toBe(0);
      expect(await latest(broker, 'unreadable')).toEqual({ good: '1' });
      const [line] = await linesOf(broker, 'msg.invalid');
      expect(line).toMatchObject({ level: 'info', problem: expect.stringMatching(/\w/) });
    });

    it.each([
      ['V1/devices/me/telemetry', '{"a":1}', 0, 'the topic is none of the device API'],
      ['v1/devices/me/attributes/request/x', '{}', 'closed', 'the id in the topic is no whole number'],
      ['v1/devices/me/rpc/request/x', '{"method":"m"}', 'closed', 'the id in the topic is no whole number'],
      ['v1/devices/me/rpc/request/1', '{"params":1}', 'closed', 'the call has no text "method"'],
      ['v1/devices/me/rpc/response/1', '', 'closed', 'the answer is empty'],
      ['v1/gateway/telemetry', '{"a":[{"b":1}]}', 'silent', 'the device is no gateway'],
    ])('of MQTT 3.1.1 on %s leave a reason in the log', async (topic, payload, answer, problem) => {
      const name = `on-${topic}`;
      await using client = await MqttClient.connect({
        port: broker.ports.mqtt,
        userName: await newDevice(broker, name),
      });
      const from = broker.logs().length;
      client.send({ cmd: 'publish', topic, payload, qos: 1, messageId: 9, retain: false, dup: false });
      if (answer === 0) expect(await client.next('puback')).toMatchObject({ messageId: 9 });
      if (answer === 'closed') await client.ended();
      if (answer === 'silent') await client.alive();
      const [line] = await linesOf(broker, 'msg.invalid', { from });
      expect(line).toMatchObject({ device: await deviceId(broker, name), problem });
    });

    it.each([
      ['telemetry', '{"a":', 'text ends where a value should be'],
      ['telemetry', '[]', 'the message must be a JSON object'],
      ['telemetry', '{"not-ours":[{"a":1}]}', '"not-ours" is no device of this gateway'],
      ['nothing', '{}', 'the topic is none of the gateway API'],
    ])('of a gateway on v1/gateway/%s leave a reason in the log: %s', async (topic, payload, problem) => {
      await newDevice(broker, 'not-ours').catch(() => {});
      const name = `gateway of ${payload}`;
      const { credentialsValue } = await provision(broker, { deviceName: name, gateway: true });
      const userName = String(credentialsValue);
      await using client = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName });
      const from = broker.logs().length;
      expect(await client.publish(`v1/gateway/${topic}`, payload)).toBeGreaterThanOrEqual(0x80);
      const [line] = await linesOf(broker, 'msg.invalid', { from });
      expect(line).toMatchObject({ device: await deviceId(broker, name), problem });
    });

    it('that end the connection name its device in the log', async () => {
      const userName = await newDevice(broker, 'gated');
      await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
      const from = broker.logs().length;
      client.send({ cmd: 'publish', topic: 'v1/#', payload: '', qos: 0, retain: false, dup: false });
      await client.ended();
      const [line] = await linesOf(broker, 'mqtt.refused', { from });
      expect(line).toMatchObject({ client: await deviceId(broker, 'gated'), reason: 'wildcard in a topic' });
    });

    it('with odd keys and numbers are stored as they are, and change nothing else', async () => {
      await using client = await MqttClient.connect({
        port: broker.ports.mqtt,
        userName: await newDevice(broker, 'odd'),
      });
      const odd = [
        '"__proto__":{"polluted":true}',
        '"constructor":{"prototype":{"polluted":true}}',
        '"toString":1',
        '"big":18446744073709551615',
        '"far":1e999',
        '"zero":-0',
        '"point":42.0',
        '"<script>\\u001b[2J":"\\u0000\\r\\n{\\"level\\":\\"fatal\\"}"',
      ];
      await client.publish(TELEMETRY, `{${odd.join(',')}}`);
      expect(await latest(broker, 'odd')).toMatchObject({
        ['__proto__']: '{"polluted":true}',
        toString: '1',
        big: '18446744073709551615',
        far: '1e999',
        zero: '-0',
        point: '42.0',
        '<script>\u001b[2J': '\u0000\r\n{"level":"fatal"}',
      });
      expect(await provision(broker, { deviceName: 'not-polluted' })).not.toHaveProperty('polluted');
      await client.alive();
    });

    it('of 10 MB end the connection before they are there', async () => {
      const userName = await newDevice(broker, 'huge');
      await using raw = await RawMqtt.connect(broker.ports.mqtt);
      raw.send(connectPacket(4, '', { username: userName }));
      expect(await raw.nextHex()).toBe('20:0000');
      raw.send(Buffer.concat([bytesOf('30 r10000000'), Buffer.alloc(100_000)]));
      await raw.closing();
    });
  });

  describe('provisioning', () => {
    it.each(['provision/request', '/provision/', 'v1/devices/me/telemetry'])(
      'a request on %s is acknowledged, ends the connection and is named in the log',
      async (topic) => {
        const from = broker.logs().length;
        await using client = await session();
        client.send({ cmd: 'publish', topic, payload: '{}', qos: 1, messageId: 9, retain: false, dup: false });
        await client.next('puback');
        await client.ended();
        const [line] = await linesOf(broker, 'provision', { from });
        expect(line).toMatchObject({ level: 'info', outcome: 'wrong-topic', address: '127.0.0.1' });
      },
    );

    it.each([
      ['<b>x</b>'],
      ['a\nb'],
      ['a\u001b[31mb'],
      ['a\u009b31mb'],
      ['a\u2028b'],
      ['a\u0000b'],
      ['{{name}}'],
      ['n'.repeat(256)],
      ['  '],
    ])('a device cannot be called by bad name %#', async (deviceName) => {
      expect(await provision(broker, { deviceName })).toMatchObject({ status: 'FAILURE' });
    });

    it.each([
      ['..'],
      ['../../etc/passwd'],
      ['%2e%2e%2f'],
      ['#'],
      ['+/+'],
      ['__proto__'],
      ['${jndi:ldap://x}'],
      [`a"b'c\\`],
      ['\u202eevil'],
      ['😀'.repeat(127)],
    ])('a device may be called by odd name %#, and is found by it', async (deviceName) => {
      expect(await provision(broker, { deviceName })).toMatchObject({ status: 'SUCCESS' });
      const found = await api<{ name: string }>(
        broker,
        `/api/tenant/devices?deviceName=${encodeURIComponent(deviceName)}`,
      );
      expect(found.name).toBe(deviceName);
    });

    it.each([
      { token: 'provision' },
      { token: 'a\u0001' },
      { token: 'a\u0085b' },
      { token: 't'.repeat(8_193) },
      { credentialsType: 'MQTT_BASIC', clientId: 'c'.repeat(257), username: 'u' },
      { credentialsType: 'MQTT_BASIC', clientId: '__proto__', username: 'u' },
      { credentialsType: 'MQTT_BASIC', clientId: 'provision', username: 'u' },
    ])('credentials %# that no CONNECT can bring are not given out', async (fields) => {
      expect(await provision(broker, { deviceName: 'nobody', ...fields })).toMatchObject({ status: 'FAILURE' });
    });

    it.each([['t'.repeat(8_192)], ['a/b?c#d+e'], ['é😀'], ["' OR 1=1 --"]])(
      'a device that was given token %# logs in by it',
      async (token) => {
        expect(await provision(broker, { token })).toMatchObject({ credentialsValue: token });
        await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
        await client.alive();
      },
    );

    it('a request of the wrong form leaves a line that names the field, never what stood in it', async () => {
      const before = broker.logs().length;
      for (const fields of [
        { provisionDeviceSecret: ['planted-secret-in-a-list'] },
        { provisionDeviceKey: { planted: 'planted-key-in-an-object' } },
        { credentialsType: 'planted-type' },
      ]) {
        await using client = await session();
        await client.publish('/provision', requestOf(broker, { deviceName: 'x', ...fields }));
        await client.ended();
      }
      await using cut = await session(5);
      expect(await cut.publish('/provision', '{"provisionDeviceSecret":"planted-cut')).toBe(0x99);
      const lines = await linesOf(broker, 'provision', { from: before, count: 4 });
      expect(lines.map(({ outcome, problem }) => [outcome, problem])).toEqual([
        ['wrong-form', '"provisionDeviceSecret" must be text, is an array'],
        ['wrong-form', '"provisionDeviceKey" must be text, is an object'],
        ['wrong-form', expect.stringMatching(/^"credentialsType" must be one of ACCESS_TOKEN/)],
        ['not-json', 'unfinished string'],
      ]);
      expect(broker.stdout.join('\n')).not.toContain('planted');
    });

    it('an unknown key and a wrong secret are told apart by nothing: packets, their order, log, metrics', async () => {
      const ask = async (fields: Record<string, string>) => {
        const lines = broker.logs().length;
        const refusals = await metric('gridmoor_refusals_total{reason="provision:not-found"}');
        await using raw = await RawMqtt.connect(broker.ports.mqtt);
        raw.send(connectPacket(4, 'x', { username: 'provision' }));
        await raw.nextHex();
        const body = requestOf(broker, { deviceName: 'guess', ...fields });
        raw.send(packetOf(0x32, Buffer.concat([bytesOf("s10 '/provision' m7"), Buffer.from(body)])));
        const packets = [await raw.nextHex(), await raw.nextHex()];
        const log = await linesOf(broker, 'provision', { from: lines });
        const counted = (await metric('gridmoor_refusals_total{reason="provision:not-found"}')) - refusals;
        return { packets, log: log.map(({ time: _, ...line }) => line), counted };
      };
      const wrongSecret = await ask({ provisionDeviceSecret: 'a-wrong-secret-0123456789' });
      const unknownKey = await ask({ provisionDeviceKey: 'smart-metes' });
      expect(wrongSecret.packets[0]).toBe('40:0007');
      expect(wrongSecret.log).toHaveLength(1);
      expect(unknownKey).toEqual(wrongSecret);
    });
  });

  describe('connections', () => {
    const upgrade = (path: string, ...more: string[]): string =>
      [
        `GET ${path} HTTP/1.1`,
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Protocol: mqtt',
        ...more,
        '',
        '',
      ].join('\r\n');

    it('that say nothing, or a byte now and then, are ended on every listener; others are served meanwhile', async () => {
      const { mqtt, mqtts = 0, ws = 0 } = broker.ports;
      const drip = { drip: Buffer.alloc(200, 0x61), dripMs: 200, deadlineMs: FREED_MS };
      const silent = { deadlineMs: FREED_MS };
      const hello = Buffer.from('16030100c8010000c40303', 'hex');
      const cases = {
        'MQTT, silent': talk(mqtt, '', silent),
        'MQTT, a dripping CONNECT': talk(mqtt, bytesOf('10 r60000'), drip),
        'TLS, silent': talk(mqtts, '', silent),
        'TLS, a dripping hello': talk(mqtts, hello, drip),
        'WebSocket, silent': talk(ws, '', silent),
        'WebSocket, dripping headers': talk(ws, 'GET /mqtt HTTP/1.1\r\nHost: x\r\nA: ', drip),
        'WebSocket, a dripping body': talk(ws, 'POST /mqtt HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n', drip),
        'WebSocket, open and silent': talk(ws, upgrade('/mqtt'), silent),
      };
      await using client = await MqttClient.connect({
        port: mqtt,
        userName: await newDevice(broker, 'served-meanwhile'),
      });
      const ends: [string, boolean][] = [];
      for (const [name, heard] of Object.entries(cases)) {
        expect(await client.publish(TELEMETRY, '{"ok":1}')).toBe(0);
        ends.push([name, (await heard).closed]);
      }
      expect(Object.fromEntries(ends)).toEqual(Object.fromEntries(Object.keys(cases).map((name) => [name, true])));
    });

    it.each([
      ['another path', '/nope', undefined, /^HTTP\/1\.1 400/],
      ['a text frame', '/mqtt', Buffer.from('818300000000616263', 'hex'), /^HTTP\/1\.1 101/],
      ['a frame without a mask', '/mqtt', Buffer.from('8203616263', 'hex'), /^HTTP\/1\.1 101/],
      ['a frame of 10 MB', '/mqtt', Buffer.from('82ff000000000098968000000000', 'hex'), /^HTTP\/1\.1 101/],
      ['a frame longer than 2^53', '/mqtt', Buffer.from('82ffffffffffffffffff00000000', 'hex'), /^HTTP\/1\.1 101/],
    ])('WebSocket: %s ends the connection', async (_what, path, frame, answer) => {
      const bytes = Buffer.concat([Buffer.from(upgrade(path)), frame ?? Buffer.alloc(0)]);
      const heard = await talk(broker.ports.ws ?? 0, bytes);
      expect(heard).toMatchObject({ closed: true, text: expect.stringMatching(answer) });
    });

    it('2,000 at once that send a lying length, a half packet or nothing cost little and are gone in time', async () => {
      const userName = await newDevice(broker, 'good-among-bad');
      const before = await rssOf(broker.pid);
      const starts = [bytesOf('10 r268435455'), bytesOf('10 ff ff ff ff 7f'), bytesOf('10 r60000 s4'), Buffer.alloc(0)];
      const sockets: Socket[] = [];
      for (let batch = 0; batch < 20; batch++) {
        const opened = await Promise.all(Array.from({ length: 100 }, () => openSocket(broker.ports.mqtt)));
        for (const [i, socket] of opened.entries()) socket.resume().write(starts[i % starts.length] ?? Buffer.alloc(0));
        sockets.push(...opened);
      }
      try {
        await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName });
        expect(await client.publish(TELEMETRY, '{"ok":1}')).toBe(0);
        const closed = Promise.all(
          sockets.map((socket) => (socket.closed ? undefined : new Promise((done) => socket.once('close', done)))),
        );
        await closed;
        expect(await client.publish(TELEMETRY, '{"ok":2}')).toBe(0);
        expect(await metric('gridmoor_mqtt_connections')).toBe(1);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
      expect((await rssOf(broker.pid)) - before).toBeLessThan(64 * 1024 * 1024);
    });

    it('half-open TLS handshakes do not hold up the end', async () => {
      await using other = await startBroker({
        env: {
          MQTT_SSL_ENABLED: 'true',
          MQTT_SSL_BIND_PORT: '0',
          MQTT_SSL_PEM_CERT: join(TLS, 'cert.pem'),
          MQTT_SSL_PEM_KEY: join(TLS, 'key.pem'),
        },
      });
      const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(other.ports.mqtts ?? 0)));
      try {
        const started = performance.now();
        expect(await other.kill('SIGTERM')).toEqual({ code: 0, signal: null });
        expect(performance.now() - started).toBeLessThan(8_000);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  });

  it('every line of the log is one JSON object, whatever was sent', async () => {
    expect(broker.stdout.filter((line) => line !== '').length).toBe(broker.logs().length);
    expect(broker.logs().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    const title = await readFile(`/proc/${broker.pid}/cmdline`, 'latin1');
    expect(title).not.toContain(broker.adminKey);
    expect(title).not.toContain(broker.provisionSecret);
  });

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${broker.url}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }
});
