import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { newDevice } from '../helpers/system.ts';

/** Load balancers connect from the one, everybody else from the other. */
const TRUSTED = '127.0.0.9';
const ELSEWHERE = '127.0.0.1';
/** HAProxy stands in /usr/sbin, which is not on everybody's path. */
const env = { PATH: `${process.env.PATH}:/usr/sbin` };

function has(program: string, flag: string): boolean {
  try {
    execFileSync(program, [flag], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const headerOf = (address: string): string => `PROXY TCP4 ${address} 198.51.100.20 55555 1883\r\n`;

/** A connection of the load balancer for somebody behind it. */
async function through(port: number, header: string | Buffer, localAddress = TRUSTED): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(header);
  return socket;
}

async function login(stream: Duplex, userName: string): Promise<number | 'closed'> {
  if (stream.destroyed) return 'closed';
  await using client = new MqttClient(stream as Socket, 4);
  client.sendConnect({ userName });
  return await client.connack().catch(() => 'closed' as const);
}

async function webSocketOver(socket: Socket): Promise<Duplex> {
  const web = new WebSocket('ws://localhost/mqtt', ['mqtt'], { createConnection: () => socket });
  web.on('error', () => {});
  await new Promise((done) => web.once('open', done).once('close', done));
  return createWebSocketStream(web);
}

async function httpOver(socket: Socket, path: string): Promise<string> {
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await once(socket, 'close');
  return answer;
}

describe('load balancers in front', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-proxy-'));
  const hasOpenssl = has('openssl', 'version');
  let broker: Broker;
  let token: string;

  beforeAll(async () => {
    if (hasOpenssl) {
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost'];
      const out = ['-keyout', 'broker.key', '-out', 'broker.pem'];
      execFileSync('openssl', ['req', '-x509', ...made, ...out], { cwd: folder, stdio: 'ignore' });
    }
    broker = await startBroker({
      env: {
        MQTT_PROXY_PROTOCOL_ENABLED: 'true',
        HTTP_PROXY_PROTOCOL_ENABLED: 'true',
        GRIDMOOR_TRUSTED_PROXIES: `${TRUSTED}/32, fd00::/8`,
        MQTT_IP_LIMITS_ENABLED: 'true',
        MQTT_MAX_WRONG_CREDENTIALS_PER_IP: '2',
        MQTT_WS_BIND_PORT: '0',
        LOG_LEVEL: 'debug',
        ...(hasOpenssl
          ? {
              MQTT_SSL_ENABLED: 'true',
              MQTT_SSL_BIND_PORT: '0',
              MQTT_SSL_PEM_CERT: join(folder, 'broker.pem'),
              MQTT_SSL_PEM_KEY: join(folder, 'broker.key'),
            }
          : {}),
      },
    });
    // Not from the load balancer: without a header.
    token = await newDevice(broker, 'behind');
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const transports: Readonly<Record<string, (header: string) => Promise<Duplex>>> = {
    TCP: (header) => through(broker.ports.mqtt, header),
    WebSocket: async (header) => webSocketOver(await through(broker.ports.ws ?? 0, header)),
    ...(hasOpenssl
      ? {
          TLS: async (header: string) => {
            const socket = await through(broker.ports.mqtts ?? 0, header);
            const secure = connectTls({ socket, rejectUnauthorized: false });
            secure.on('error', () => {});
            await new Promise((done) => secure.once('secureConnect', done).once('close', done));
            return secure;
          },
        }
      : {}),
  };

  it.each(Object.entries(transports))(
    '%s: wrong logins count for the address in the header alone',
    async (name, to) => {
      const at = 10 + Object.keys(transports).indexOf(name) * 2;
      const guesser = headerOf(`203.0.113.${at}`);
      expect(await login(await to(guesser), token)).toBe(0);
      expect(await login(await to(guesser), 'wrong-1')).toBe(5);
      expect(await login(await to(guesser), 'wrong-2')).toBe(5);
      expect(await login(await to(guesser), token)).toBe('closed');
      expect(await login(await to(headerOf(`203.0.113.${at + 1}`)), token)).toBe(0);
      expect(await login(await to('PROXY UNKNOWN\r\n'), token)).toBe(0);
    },
  );

  it('a version 2 header with an IPv6 address is understood', async () => {
    const addresses = `20010db8${'0'.repeat(20)}000920010db8${'0'.repeat(22)}20d903075b`;
    const header = Buffer.from(`0d0a0d0a000d0a515549540a21210024${addresses}`, 'hex');
    expect(await login(await through(broker.ports.mqtt, header), token)).toBe(0);
    const guess = async () => login(await through(broker.ports.mqtt, header), 'wrong');
    expect([await guess(), await guess(), await guess()]).toEqual([5, 5, 'closed']);
  });

  it('HTTP: the address in the header is the one of the request', async () => {
    const socket = await through(broker.ports.http, headerOf('203.0.113.99'));
    expect(await httpOver(socket, '/api/v1/wrong-token/attributes')).toMatch(/^HTTP\/1\.1 401 /);
    const addresses = () => broker.logs().flatMap((line) => (line.status === 401 ? line.address : []));
    await expect.poll(addresses).toEqual(['203.0.113.99']);
  });

  it('a load balancer that sends no header is not served', async () => {
    expect(await login(await through(broker.ports.mqtt, ''), token)).toBe('closed');
    expect(await httpOver(await through(broker.ports.http, ''), '/healthz')).toBe('');
  });

  it('nobody else claims an address: their header is no MQTT and no HTTP', async () => {
    const header = headerOf('203.0.113.200');
    expect(await login(await through(broker.ports.mqtt, header, ELSEWHERE), token)).toBe('closed');
    const answer = await httpOver(await through(broker.ports.http, header, ELSEWHERE), '/healthz');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(broker.logs().filter(({ address }) => address === '203.0.113.200')).toEqual([]);
    expect(await login(await through(broker.ports.mqtt, '', ELSEWHERE), token)).toBe(0);
  });

  const haproxy = has('haproxy', '-v');
  it.skipIf(!haproxy)('HAProxy in front, version 1 and 2 (needs haproxy)', async () => {
    for (const [send, client] of [
      ['send-proxy', '127.0.0.21'],
      ['send-proxy-v2', '127.0.0.22'],
    ] as const) {
      await using front = await startHaproxy(folder, broker, send);
      const as = (address: string) => through(front.port, '', address);
      expect(await login(await as(client), token)).toBe(0);
      expect([await login(await as(client), 'wrong'), await login(await as(client), 'wrong')]).toEqual([5, 5]);
      expect(await login(await as(client), token)).toBe('closed');
      expect(await login(await as('127.0.0.30'), token)).toBe(0);
    }
  });
});

/** HAProxy before the MQTT port; it connects from the trusted address. */
async function startHaproxy(folder: string, broker: Broker, send: string) {
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  const server = `server one 127.0.0.1:${broker.ports.mqtt} source ${TRUSTED} ${send}`;
  const times = 'timeout connect 5s\n timeout client 60s\n timeout server 60s';
  writeFileSync(file, `defaults\n mode tcp\n ${times}\nlisten mqtt\n bind 127.0.0.1:${port}\n ${server}\n`);
  const child = spawn('haproxy', ['-f', file, '-db'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const exited = once(child, 'exit');
  for (;;) {
    const open = await new Promise<boolean>((done) => {
      const probe = connect(port, '127.0.0.1', () => done(true)).on('error', () => done(false));
      probe.once('close', () => {}).once('connect', () => probe.destroy());
    });
    if (open) break;
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${said}\n${readFileSync(file, 'utf8')}`);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
