import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import type { Broker } from '../helpers/broker.ts';
import { type Brokers, startBrokers } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';

const TELEMETRY = 'v1/devices/me/telemetry';
/** The load balancer's. */
const TRUSTED = '127.0.0.9';
/** Wrong logins that an address has free, at all workers together. */
const FREE = 4;
/** What a worker has told the others of is some seconds old. */
const REPORTED = { timeout: 30_000 };

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function socketTo(port: number, address?: string): Promise<Socket> {
  const from = address === undefined ? {} : { localAddress: TRUSTED };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...from });
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (address !== undefined) socket.write(`PROXY TCP4 ${address} 198.51.100.20 55555 1883\r\n`);
  return socket;
}

describe('serve --workers 2: every way in', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-workers-'));
  const secured = hasOpenssl();
  let brokers: Brokers;
  let broker: Broker;

  beforeAll(async () => {
    if (secured) {
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost'];
      const out = ['-keyout', 'broker.key', '-out', 'broker.pem'];
      execFileSync('openssl', ['req', '-x509', ...made, ...out], { cwd: folder, stdio: 'ignore' });
    }
    const env = {
      MQTT_PROXY_PROTOCOL_ENABLED: 'true',
      HTTP_PROXY_PROTOCOL_ENABLED: 'true',
      GRIDMOOR_TRUSTED_PROXIES: `${TRUSTED}/32`,
      MQTT_IP_LIMITS_ENABLED: 'true',
      MQTT_MAX_WRONG_CREDENTIALS_PER_IP: String(FREE),
      MQTT_WS_BIND_PORT: '0',
      ...(secured
        ? {
            MQTT_SSL_ENABLED: 'true',
            MQTT_SSL_BIND_PORT: '0',
            MQTT_SSL_PEM_CERT: join(folder, 'broker.pem'),
            MQTT_SSL_PEM_KEY: join(folder, 'broker.key'),
          }
        : {}),
    };
    brokers = await startBrokers(1, { args: ['--workers', '2'], env, deadlineMs: 60_000 });
    [broker] = brokers.all as [Broker];
  });
  afterAll(async () => {
    await brokers[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const ways: Readonly<Record<string, (address?: string) => Promise<Duplex>>> = {
    TCP: (address) => socketTo(broker.ports.mqtt, address),
    ...(secured
      ? {
          TLS: async (address?: string) => {
            const socket = await socketTo(broker.ports.mqtts ?? 0, address);
            const secure = connectTls({ socket, rejectUnauthorized: false });
            secure.on('error', () => {});
            // A connection that is refused at once may have ended before.
            if (!socket.destroyed) {
              await new Promise((done) => {
                secure.once('secureConnect', done);
                for (const end of [secure, socket]) end.once('close', done);
              });
            }
            return socket.destroyed ? socket : secure;
          },
        }
      : {}),
    WebSocket: async (address) => {
      const socket = await socketTo(broker.ports.ws ?? 0, address);
      const web = new WebSocket('ws://localhost/mqtt', ['mqtt'], { createConnection: () => socket });
      web.on('error', () => {});
      await new Promise((done) => web.once('open', done).once('close', done));
      const stream = createWebSocketStream(web);
      stream.once('end', () => stream.end()); // the broker has closed it
      return stream;
    },
  };

  const open = async (stream: Duplex, userName: string): Promise<MqttClient> => {
    const client = new MqttClient(stream as Socket, 4);
    client.sendConnect({ userName });
    return client;
  };
  const login = async (stream: Duplex, userName: string): Promise<number | 'closed'> => {
    if (stream.destroyed) return 'closed';
    await using client = await open(stream, userName);
    return await client.connack().catch(() => 'closed' as const);
  };

  const sessions = async (): Promise<number[]> => {
    const { data } = await api<{ data: { sessions: number; state: string }[] }>(broker, '/api/gridmoor/brokers');
    return data.filter(({ state }) => state === 'live').map((line) => line.sessions);
  };

  it.each(Object.entries(ways))('%s: both workers take devices, which are served and taken over', async (name, to) => {
    await expect.poll(sessions, REPORTED).toEqual([0, 0]);
    // All before the first connects: a provisioning session takes its turn too, and the devices would all meet one worker.
    const tokens: string[] = [];
    for (let n = 0; n < 8; n++) tokens.push(await newDevice(broker, `${name}-${n}`));
    const clients: MqttClient[] = [];
    await using _ends = {
      async [Symbol.asyncDispose]() {
        for (const client of clients) await client[Symbol.asyncDispose]();
      },
    };
    for (const token of tokens) {
      const client = await open(await to(), token);
      clients.push(client);
      expect(await client.connack()).toBe(0);
      expect(await client.publish(TELEMETRY, '{"t":1}')).toBe(0);
    }
    await expect.poll(sessions, REPORTED).toSatisfy(([a = 0, b = 0]: number[]) => a + b === 8 && Math.min(a, b) > 0);
    for (let round = 0; round < 4; round++) {
      const next = await open(await to(), `token-of-${name}-0-0123456789`);
      expect(await next.connack()).toBe(0);
      await clients[0]?.ended();
      expect(await next.publish(TELEMETRY, '{"t":2}')).toBe(0);
      clients[0] = next;
    }
  });

  it.each(Object.entries(ways))(
    '%s: an address in the PROXY header has its wrong logins at all workers together',
    async (name, to) => {
      const at = 10 + Object.keys(ways).indexOf(name) * 2;
      const answers: (number | 'closed')[] = [];
      for (let n = 0; n < 4 * FREE; n++) answers.push(await login(await to(`203.0.113.${at}`), `wrong-${n}`));
      expect(answers.filter((answer) => answer === 5).length).toBeLessThanOrEqual(FREE);
      expect(answers[0]).toBe(5);
      expect(answers.at(-1)).toBe('closed');
      const token = await newDevice(broker, `good-${name}`);
      expect(await login(await to(`203.0.113.${at + 1}`), token)).toBe(0);
    },
  );
});
