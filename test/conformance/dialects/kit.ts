import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import mqtt, { type Packet } from 'mqtt-packet';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api } from '../../helpers/system.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
/** The load balancer before HTTP, which has spoken TLS to the client. */
export const TLS_PROXY = '127.0.0.9';
/** PROXY protocol 2, of a client that has spoken TLS. */
export const PROXY_HEADER = Buffer.from(
  '0d0a0d0a000d0a515549540a21110014c000020ac6336414d903075b2000050100000000',
  'hex',
);

/** The vectors' own product and device of EnOS (registration-protocols 1.1). */
export const ENOS = {
  productKey: 'pK11111',
  productSecret: 'pS-fedcba9876543210',
  deviceKey: 'dK987654',
  deviceSecret: 'dS-0123456789abcdef',
} as const;

/** The same of Alibaba (1.7, 1.9). */
export const ALIBABA = {
  productKey: 'a1AbCdEfGhI',
  productSecret: 'ps-AAAABBBBCCCC',
  deviceName: 'light-0001',
  deviceSecret: 'ds-0123456789abcdef0123456789ab',
} as const;

type Profile = Readonly<Record<string, unknown>>;

const current = (env: string) => [{ secret: { env }, state: 'current' }];
/** Tests connect more often than devices may. */
const limits = { connectPer2Min: 1000 };

/** A profile of EnOS with dynamic activation on; `more` over it. */
export const enosProfile = (name: string, more: Profile = {}): Profile => ({
  name,
  dialect: 'enos',
  product: { key: ENOS.productKey, secrets: current('ENOS_SECRET') },
  provision: { strategy: 'check-pre-provisioned-devices', dynamic: true },
  limits,
  ...more,
});

export const alibabaProfile = (name: string, more: Profile = {}): Profile => ({
  name,
  dialect: 'alibaba',
  product: { key: ALIBABA.productKey, secrets: current('ALIBABA_SECRET') },
  provision: { strategy: 'check-pre-provisioned-devices', dynamic: true },
  limits,
  ...more,
});

export interface DialectBroker extends AsyncDisposable {
  readonly broker: Broker;
}

/** A broker with these profiles, which speaks MQTT over TCP and TLS, and HTTP also behind a proxy that ends TLS. */
export async function startDialects(
  profiles: readonly Profile[],
  more: { readonly env?: Readonly<Record<string, string>>; readonly chainsDir?: string } = {},
): Promise<DialectBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'gridmoor-dialects-'));
  for (const profile of profiles) await writeFile(join(dir, `${profile.name}.json`), JSON.stringify(profile));
  const broker = await startBroker({
    profilesDir: dir,
    ...(more.chainsDir === undefined ? {} : { chainsDir: more.chainsDir }),
    env: {
      ENOS_SECRET: ENOS.productSecret,
      ALIBABA_SECRET: ALIBABA.productSecret,
      // Refusals come in numbers here, from one address.
      GRIDMOOR_FREE_REFUSALS: '1000000',
      MQTT_SSL_ENABLED: 'true',
      MQTT_SSL_BIND_PORT: '0',
      MQTT_SSL_PEM_CERT: join(TLS, 'cert.pem'),
      MQTT_SSL_PEM_KEY: join(TLS, 'key.pem'),
      HTTP_PROXY_PROTOCOL_ENABLED: 'true',
      GRIDMOOR_TRUSTED_PROXIES: TLS_PROXY,
      ...more.env,
    },
  });
  return {
    broker,
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Registers a device before it comes; gives its id and secret. */
export async function addDevice(
  broker: Broker,
  profile: string,
  name: string,
  deviceSecret?: string,
): Promise<{ readonly id: string; readonly deviceSecret: string }> {
  const given = deviceSecret === undefined ? {} : { credentials: { type: 'SIGNED_SECRET', deviceSecret } };
  const made = await api<{ id: string; credentials: { deviceSecret: string } }>(broker, '/api/gridmoor/devices', {
    method: 'POST',
    body: { name, profile, ...given },
  });
  return { id: made.id, deviceSecret: made.credentials.deviceSecret };
}

export interface Names {
  readonly clientId: string;
  readonly userName: string;
  readonly password: string;
}

/** A CONNECT of EnOS, signed here and not by what is tested. */
export function enosNames(what: {
  readonly deviceKey: string;
  readonly secret: string;
  readonly productKey?: string;
  readonly mode?: 2 | 3;
  readonly timestamp?: string;
  /** What stands behind the name in the client id: `{compress=GZIP}`. */
  readonly braces?: string;
}): Names {
  const { deviceKey, secret, productKey = ENOS.productKey, mode = 2, timestamp = '1700000000000', braces = '' } = what;
  const content = `clientId${deviceKey}${braces}deviceKey${deviceKey}productKey${productKey}timestamp${timestamp}`;
  return {
    clientId: `${deviceKey}${braces}|securemode=${mode},signmethod=sha256,timestamp=${timestamp}|`,
    userName: `${deviceKey}&${productKey}`,
    password: createHash('sha256')
      .update(content + secret)
      .digest('hex'),
  };
}

/** A CONNECT of the integration channel. */
export function channelNames(productKey: string, secret: string): Names {
  const content = `clientId${productKey}deviceKey%channel%productKey${productKey}timestamp1700000000000`;
  return {
    clientId: `${productKey}|securemode=4,signmethod=sha256,timestamp=1700000000000|`,
    userName: `%channel%&${productKey}`,
    password: createHash('sha256')
      .update(content + secret)
      .digest('hex'),
  };
}

const hmac = (secret: string, content: string): string =>
  createHmac('sha256', secret).update(content).digest('hex').toUpperCase();

/** A CONNECT of Alibaba with the device's secret. */
export function alibabaNames(what: {
  readonly deviceName: string;
  readonly secret: string;
  readonly timestamp?: string;
  readonly productKey?: string;
}): Names {
  const { deviceName, secret, timestamp = '2524608000000', productKey = ALIBABA.productKey } = what;
  const client = `${productKey}.${deviceName}`;
  return {
    clientId: `${client}|timestamp=${timestamp},_v=sdk-c-3.0.1,securemode=2,signmethod=hmacsha256,lan=C,gw=0,ext=0|`,
    userName: `${deviceName}&${productKey}`,
    password: hmac(secret, `clientId${client}deviceName${deviceName}productKey${productKey}timestamp${timestamp}`),
  };
}

/** What signs a registration at Alibaba, over HTTPS and MQTT. */
export const registrationSign = (
  deviceName: string,
  random: string,
  { productKey = ALIBABA.productKey, secret = ALIBABA.productSecret }: { productKey?: string; secret?: string } = {},
): string => hmac(secret, `deviceName${deviceName}productKey${productKey}random${random}`);

/** A CONNECT of Alibaba that registers. */
export function registrationNames(
  deviceName: string,
  authType: 'register' | 'regnwl',
  more: { readonly productKey?: string; readonly secret?: string; readonly random?: string } = {},
): Names {
  const { productKey = ALIBABA.productKey, random = '567345' } = more;
  const mode = authType === 'register' ? '2' : '-2';
  const parameters = `random=${random},authType=${authType},securemode=${mode},signmethod=hmacsha256`;
  return {
    clientId: `${deviceName}.${productKey}|${parameters}|`,
    userName: `${deviceName}&${productKey}`,
    password: registrationSign(deviceName, random, more),
  };
}

async function tlsTo(port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** Opens a connection and sends a CONNECT; the CONNACK is the first packet to read. */
export async function openThing(
  broker: Broker,
  names: Names,
  { tls = true, version = 4 as 4 | 5 } = {},
): Promise<MqttClient> {
  if (!tls) return MqttClient.open({ port: broker.ports.mqtt, version, ...names });
  const client = new MqttClient(await tlsTo(broker.ports.mqtts ?? 0), version);
  client.sendConnect(names);
  return client;
}

/** The CONNACK code; the connection is closed again. */
export async function codeOf(broker: Broker, names: Names, how?: { tls?: boolean; version?: 4 | 5 }): Promise<number> {
  await using client = await openThing(broker, names, how);
  return await client.connack();
}

export interface Answered {
  readonly packets: readonly Packet[];
  /** Bytes of the first chunk that came. */
  readonly firstChunk: number;
  /** Between the first packet and the second. */
  readonly gapMs: number;
}

/** Sends a CONNECT over TLS and gives what comes back until two packets are there, or the connection ends. */
export async function answerTo(broker: Broker, names: Names): Promise<Answered> {
  const socket = await tlsTo(broker.ports.mqtts ?? 0);
  const parser = mqtt.parser({ protocolVersion: 4 });
  const packets: Packet[] = [];
  let firstChunk = 0;
  const connectPacket = mqtt.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId: names.clientId,
    username: names.userName,
    password: Buffer.from(names.password),
  });
  try {
    const times: number[] = [];
    await new Promise<void>((resolve) => {
      parser.on('packet', (packet: Packet) => {
        packets.push(packet);
        times.push(performance.now());
        if (packets.length === 2) resolve();
      });
      socket.on('data', (chunk: Buffer) => {
        firstChunk ||= chunk.length;
        parser.parse(chunk);
      });
      socket.once('close', () => resolve());
      socket.write(connectPacket);
    });
    return { packets, firstChunk, gapMs: (times[1] ?? 0) - (times[0] ?? 0) };
  } finally {
    socket.destroy();
  }
}

/** Registers over MQTT; gives the JSON that was pushed, or the CONNACK code of a refusal. */
export async function issued(broker: Broker, names: Names): Promise<Record<string, unknown> | number> {
  const { packets } = await answerTo(broker, names);
  const [connack, push] = packets;
  if (connack?.cmd !== 'connack') throw new Error('no CONNACK');
  if (push?.cmd !== 'publish') return connack.returnCode ?? -1;
  return JSON.parse(push.payload.toString()) as Record<string, unknown>;
}

/** Posts a form; with `tls`, as the load balancer that has ended it. Gives status and body as they came. */
export async function postForm(
  broker: Broker,
  path: string,
  form: Readonly<Record<string, string>>,
  { tls = true } = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const socket: Socket = connect({
    port: broker.ports.http,
    host: '127.0.0.1',
    ...(tls ? { localAddress: TLS_PROXY } : {}),
  });
  await once(socket, 'connect');
  if (tls) socket.write(PROXY_HEADER);
  const body = new URLSearchParams(form).toString();
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: x',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const [header = '', answer = ''] = text.split('\r\n\r\n');
  return { status: Number(header.split(' ')[1]), body: answer };
}

/** The state of a device as the audit tells it: outcomes of an action on it, newest first. */
export async function audited(broker: Broker, subject: string): Promise<readonly string[]> {
  const { data } = await api<{ data: { action: string; subject: string; outcome: string }[] }>(
    broker,
    '/api/gridmoor/audit?pageSize=200',
  );
  return data.filter((entry) => entry.subject === subject).map(({ action, outcome }) => `${action}: ${outcome}`);
}
