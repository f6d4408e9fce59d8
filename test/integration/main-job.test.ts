import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mqtt, { type IClientOptions } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { api, attributes, deviceId, latest, requestOf } from '../helpers/system.ts';
import { requireTool } from '../helpers/tools.ts';

const run = promisify(execFile);
const TLS = join(import.meta.dirname, '../fixtures/tls');
const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';

interface Attachments {
  readonly data: readonly {
    readonly device: { readonly name: string };
    readonly supplier: { readonly name: string };
    readonly supplyPoint: string;
    readonly grid: { readonly code: string };
    readonly since: number;
  }[];
  readonly totalElements: number;
}

const CODES = [
  'ES0021000012345678LB',
  'ES0022000008546387RB',
  'ES0026000000765432MP',
  'ES0027123456789012NR',
  'ES0031405123456789FG',
  'ES0113000000001234SN',
];

describe.each(['the embedded store', 'Redis'])('the main job, %s', (store) => {
  let broker: Broker;
  let redis: TestRedis | undefined;
  let supplierKey: string;

  beforeAll(async () => {
    if (store === 'Redis') redis = await startRedis({ durable: true });
    broker = await startBroker({
      env: {
        ...(redis && { REDIS_URL: redis.url, GRIDMOOR_SECRET_KEY: 'an-instance-key-0123456789-abcdefgh' }),
        MQTT_SSL_ENABLED: 'true',
        MQTT_SSL_BIND_PORT: '0',
        MQTT_SSL_PEM_CERT: join(TLS, 'cert.pem'),
        MQTT_SSL_PEM_KEY: join(TLS, 'key.pem'),
        MQTT_WS_BIND_PORT: '0',
      },
    });
    const made = await api<{ id: string; name: string; secretKey: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Acme Energía' },
    });
    supplierKey = made.secretKey;
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });

  const attachmentOf = (device: string) => api<Attachments>(broker, `/api/gridmoor/attachments?device=${device}`);

  it('with mosquitto clients: provision, attach, stream; kill -9, start again, and everything is still there', async () => {
    requireTool('mosquitto_pub');
    const port = String(broker.ports.mqtt);
    const base = ['-h', '127.0.0.1', '-p', port, '-q', '1'];
    const answer = await run('mosquitto_rr', [
      ...base,
      ...['-u', 'provision', '-t', '/provision/request', '-e', '/provision/response', '-W', '10'],
      ...['-m', requestOf(broker, { deviceName: 'mosquitto-1' })],
    ]);
    const { credentialsValue: token, status } = JSON.parse(answer.stdout) as {
      credentialsValue: string;
      status: string;
    };
    expect(status).toBe('SUCCESS');
    const publish = (topic: string, message: unknown, ...more: string[]) =>
      run('mosquitto_pub', [...base, ...more, '-u', token, '-t', topic, '-m', JSON.stringify(message)]);
    await publish(ATTRIBUTES, { Power_supplier_secret_key: supplierKey, CUPS: CODES[0], model: 'X1' });
    await publish(TELEMETRY, { power_w: 431.5 }, '-V', '5');
    const check = async (): Promise<void> => {
      const { data, totalElements } = await attachmentOf('mosquitto-1');
      expect(totalElements).toBe(1);
      expect(data[0]).toMatchObject({
        supplier: { name: 'Acme Energía' },
        supplyPoint: CODES[0],
        grid: { code: '0021' },
      });
      expect((await latest(broker, 'mosquitto-1')).power_w).toBe('431.5');
      expect(await attributes(broker, 'mosquitto-1', 'CLIENT_SCOPE')).toMatchObject({ model: 'X1' });
      expect(await attributes(broker, 'mosquitto-1', 'CLIENT_SCOPE')).not.toHaveProperty('Power_supplier_secret_key');
      expect(await attributes(broker, 'mosquitto-1', 'SHARED_SCOPE')).toMatchObject({
        onboarding: { status: 'attached' },
      });
    };
    await check();
    await redis?.restart();
    await broker.restart('SIGKILL');
    await check();
    await publish(TELEMETRY, { power_w: 432.5 });
    expect((await latest(broker, 'mosquitto-1')).power_w).toBe('432.5');
    // The same message once more: nothing is attached twice.
    await publish(ATTRIBUTES, { Power_supplier_secret_key: supplierKey, CUPS: `${CODES[0]}0F` });
    const id = await deviceId(broker, 'mosquitto-1');
    const history = await api<{ data: { event: string; by: string }[] }>(
      broker,
      `/api/gridmoor/attachments/${id}/history`,
    );
    expect(history.data.map(({ event, by }) => `${event} by ${by}`)).toEqual(['attached by chain:onboarding/attach']);
  });

  const listeners: readonly [string, () => { url: string } & IClientOptions, string][] = [
    ['3.1.1 over TCP', () => ({ url: `mqtt://127.0.0.1:${broker.ports.mqtt}`, protocolVersion: 4 }), CODES[1] ?? ''],
    ['5 over TCP', () => ({ url: `mqtt://127.0.0.1:${broker.ports.mqtt}`, protocolVersion: 5 }), CODES[2] ?? ''],
    [
      '3.1.1 over TLS',
      () => ({ url: `mqtts://127.0.0.1:${broker.ports.mqtts}`, protocolVersion: 4, rejectUnauthorized: false }),
      CODES[3] ?? '',
    ],
    ['5 over WebSocket', () => ({ url: `ws://127.0.0.1:${broker.ports.ws}/mqtt`, protocolVersion: 5 }), CODES[4] ?? ''],
    [
      '3.1.1 over WebSocket',
      () => ({ url: `ws://127.0.0.1:${broker.ports.ws}/mqtt`, protocolVersion: 4 }),
      CODES[5] ?? '',
    ],
  ];

  it.each(listeners)('with MQTT.js, MQTT %s', async (name, options, code) => {
    const device = `mqttjs ${name}`;
    const open = async (username: string) => {
      const { url, ...rest } = options();
      return mqtt.connectAsync(url, { ...rest, username, reconnectPeriod: 0, clientId: '', clean: true });
    };
    const messages: string[] = [];
    const session = await open('provision');
    const answered = new Promise<string>((resolve) =>
      session.on('message', (_topic, payload) => resolve(payload.toString())),
    );
    await session.subscribeAsync('/provision/response', { qos: 1 });
    await session.publishAsync('/provision/request', requestOf(broker, { deviceName: device }), { qos: 1 });
    const token = (JSON.parse(await answered) as { credentialsValue: string }).credentialsValue;
    await session.endAsync();

    const client = await open(token);
    const replied = new Promise<void>((resolve) =>
      client.on('message', (topic, payload) => {
        messages.push(`${topic} ${payload.toString()}`);
        resolve();
      }),
    );
    await client.subscribeAsync(ATTRIBUTES, { qos: 1 });
    await client.publishAsync(ATTRIBUTES, JSON.stringify({ Power_supplier_secret_key: supplierKey, CUPS: code }), {
      qos: 1,
    });
    await replied;
    await client.publishAsync(TELEMETRY, '[{"ts":1700000000000,"values":{"e":1}},{"e":2}]', { qos: 1 });
    await client.endAsync();
    expect(messages[0]).toContain('"status":"attached"');
    const { data } = await attachmentOf(encodeURIComponent(device));
    expect(data[0]).toMatchObject({ supplyPoint: code, supplier: { name: 'Acme Energía' } });
    expect((await latest(broker, device)).e).toBe('2');
  });

  it('a wrong supplier key and a wrong CUPS are refused to the device by reason, and attach nothing', async () => {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
      username: 'provision',
      reconnectPeriod: 0,
    });
    const answer = new Promise<string>((resolve) =>
      client.once('message', (_topic, payload) => resolve(payload.toString())),
    );
    await client.publishAsync('/provision', requestOf(broker, { deviceName: 'refused-1' }), { qos: 1 });
    const token = (JSON.parse(await answer) as { credentialsValue: string }).credentialsValue;
    await client.endAsync();
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, {
      username: token,
      reconnectPeriod: 0,
    });
    const send = async (body: unknown): Promise<string> => {
      const reply = new Promise<string>((resolve) =>
        device.once('message', (_topic, payload) => resolve(payload.toString())),
      );
      await device.publishAsync(ATTRIBUTES, JSON.stringify(body), { qos: 1 });
      return reply;
    };
    const wrongKey = await send({
      Power_supplier_secret_key: 'gms_wrong_key_0123456789',
      CUPS: 'ES0390000000000042XY',
    });
    expect(wrongKey).toContain('"status":"refused"');
    const wrongCode = await send({ Power_supplier_secret_key: supplierKey, CUPS: 'ES0021000012345687LB' });
    expect(wrongCode).toContain('"status":"refused"');
    const taken = await send({ Power_supplier_secret_key: supplierKey, CUPS: CODES[0] });
    expect(taken).toContain('"status":"refused"');
    expect((await attachmentOf('refused-1')).totalElements).toBe(0);
    expect(JSON.stringify(await attributes(broker, 'refused-1', 'CLIENT_SCOPE'))).not.toContain('gms_wrong');
    await device.endAsync();
  });

  it('no planted secret is in the data directory, the files of Redis, the logs or the metrics', async () => {
    const tokens = ['planted-token-0123456789', 'planted-password-0123456789'];
    await fetch(`${broker.url}/api/v1/provision`, {
      method: 'POST',
      body: requestOf(broker, {
        deviceName: 'planted',
        credentialsType: 'MQTT_BASIC',
        username: tokens[0],
        password: tokens[1],
      }),
    });
    const wrong = 'planted-wrong-secret-0123456789';
    await fetch(`${broker.url}/api/v1/provision`, {
      method: 'POST',
      body: requestOf(broker, { provisionDeviceSecret: wrong }),
    });
    await fetch(`${broker.url}/api/v1/${tokens[0]}/telemetry`, { method: 'POST', body: 'not json' });
    const metrics = await (await fetch(`${broker.url}/metrics`)).text();
    const folders = [broker.dataDir, ...(redis ? [redis.dir] : [])];
    const listed = folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true }));
    const entries = (await Promise.all(listed)).flat();
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.key'));
    expect(files.length).toBeGreaterThan(0);
    const contents = await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')));
    const planted = [...tokens, wrong, supplierKey, broker.provisionSecret, broker.adminKey];
    for (const [at, secret] of planted.entries()) {
      const places = {
        store: contents.some((text) => text.includes(secret)),
        logs: [...broker.stdout, ...broker.stderr].some((line) => line.includes(secret)),
        metrics: metrics.includes(secret),
      };
      expect({ at, ...places }).toEqual({ at, store: false, logs: false, metrics: false });
    }
  });
});
