import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../cli/run-cli.ts';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { SHARED_KEY } from '../helpers/brokers.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { newDevice } from '../helpers/system.ts';

/** HAProxy stands in /usr/sbin, which is not on everybody's path. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
/** HAProxy connects from here, everybody else from 127.0.0.1. */
const HAPROXY = '127.0.0.9';
const PASSWORD = 'a-password-of-redis';
const TELEMETRY = 'v1/devices/me/telemetry';
const USE_ANOTHER_SERVER = 0x9c;
const WAIT = { timeout: 20_000 };

function has(program: string): boolean {
  try {
    execFileSync(program, ['-v'], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Service {
  readonly command: readonly string[];
  readonly healthcheck: { readonly test: readonly [string, string] };
}

const { services } = parse(readFileSync('deploy/compose/compose.yaml', 'utf8'), { merge: true }) as {
  services: { redis: Service };
};

describe.skipIf(!has('haproxy') || !has('redis-server'))(
  'deploy/compose without containers: its Redis, two brokers, its HAProxy (needs redis-server, haproxy)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'gridmoor-deploy-'));
    let redis: Awaited<ReturnType<typeof startShippedRedis>>;
    let haproxy: Awaited<ReturnType<typeof startHaproxy>>;
    const brokers: Broker[] = [];
    const broker = (n: 1 | 2): Broker => brokers[n - 1] as Broker;

    beforeAll(async () => {
      redis = await startShippedRedis(folder);
      const start = async (id: string, at: number): Promise<void> => {
        brokers[at] = await startOne(id, redis.port);
      };
      await Promise.all(['broker-1', 'broker-2'].map(start));
      haproxy = await startHaproxy(folder, brokers);
    });
    afterAll(async () => {
      await haproxy?.stop();
      await Promise.all(brokers.map((one) => one[Symbol.asyncDispose]()));
      expect(await redis.stop()).toEqual({ code: 0, said: expect.stringContaining('bye bye') });
      rmSync(folder, { recursive: true, force: true });
    });

    const sessions = () => sessionsOf(brokers);
    /** Sessions of both; 0 while one has none. */
    const bothHave = async (): Promise<number> => {
      const counts = await sessions();
      return counts.includes(0) ? 0 : counts.reduce((sum, each) => sum + each);
    };
    const open = (name: string) =>
      MqttClient.connect({
        port: haproxy.mqtt,
        version: name.startsWith('v5') ? 5 : 4,
        userName: `token-of-${name}-0123456789`,
      });
    const cli = (...words: readonly string[]) =>
      runCli([...words, '--url', `http://127.0.0.1:${haproxy.http}`], {
        env: { GRIDMOOR_ADMIN_KEY: broker(1).adminKey },
      });

    it('Redis takes the password that it is told, keeps the settings, and its health check finds it', async () => {
      expect(redis.ask('ping')).toBe('PONG');
      expect(redis.ask('config', 'get', 'maxmemory-policy')).toContain('noeviction');
      expect(redis.ask('config', 'get', 'appendfsync')).toContain('always');
      expect(redis.healthy(PASSWORD)).toBe(true);
      expect(redis.healthy('another')).toBe(false);
    });

    it('devices reach both brokers, each with an address of its own', async () => {
      const names = ['meter', 'inverter', 'charger', 'pump'];
      for (const name of names) await newDevice(broker(1), name);
      const clients = await Promise.all(names.map(open));
      await expect.poll(bothHave, WAIT).toBe(4);
      for (const client of clients) expect(await client.publish(TELEMETRY, '{"a":1}')).toBe(0);
      await using stranger = await MqttClient.open({ port: haproxy.mqtt, userName: 'token-of-nobody' });
      expect(await stranger.connack()).not.toBe(0);
      const refused = () => brokers.flatMap((each) => each.logs()).filter(({ event }) => event === 'mqtt.closed');
      await expect.poll(() => refused().map(({ address }) => address), WAIT).toContain('127.0.0.1');
      expect(refused().map(({ address }) => address)).not.toContain(HAPROXY);
      for (const client of clients) await client[Symbol.asyncDispose]();
      await expect.poll(() => sessions(), WAIT).toEqual([0, 0]);
    });

    it('a drained broker sends its devices through the balancer to the other, and its place is taken after its end', async () => {
      const names = ['v5-a', 'v5-b', 'v3-a', 'v3-b'];
      for (const name of names) await newDevice(broker(1), name);
      const clients = await Promise.all(names.map(open));
      await expect.poll(bothHave, WAIT).toBe(4);
      const [, elsewhere] = await sessions();
      const drained = cli('brokers', 'drain', 'broker-1', '--wait');
      await expect.poll(() => haproxy.down('mqtt/broker-1'), WAIT).toBe(true);
      expect(await drained).toMatchObject({ code: 0, stdout: 'broker-1 drains: 0 sessions left\n' });

      const stays = await Promise.all(
        clients.map((client) =>
          client.alive().then(
            () => true,
            () => false,
          ),
        ),
      );
      expect(stays.filter(Boolean)).toHaveLength(elsewhere ?? 0);
      for (const [n, client] of clients.entries()) {
        if (stays[n] === true) continue;
        expect(await client.ended(), names[n]).toBe(names[n]?.startsWith('v5') ? USE_ANOTHER_SERVER : undefined);
        clients[n] = await open(names[n] as string);
      }
      await expect.poll(() => sessions(), WAIT).toEqual([0, 4]); // they open behind the CONNACK
      for (const client of clients) expect(await client.publish(TELEMETRY, '{"moved":1}')).toBe(0);

      await broker(1).restart();
      await expect.poll(() => haproxy.up('mqtt/broker-1'), WAIT).toBe(true);
      await newDevice(broker(2), 'newcomer');
      await using _next = await open('newcomer');
      await expect.poll(() => sessions(), WAIT).toEqual([1, 4]);
      for (const client of clients) await client[Symbol.asyncDispose]();
    });

    it('a broker that is killed goes out, and its devices come to the other', async () => {
      await broker(2).kill('SIGKILL');
      await expect.poll(() => haproxy.down('mqtt/broker-2'), WAIT).toBe(true);
      await using client = await open('meter');
      expect(await client.publish(TELEMETRY, '{"b":1}')).toBe(0);
    });
  },
);

function startOne(id: string, redisPort: number): Promise<Broker> {
  return startBroker({
    deadlineMs: 40_000,
    env: {
      GRIDMOOR_INSTANCE_ID: id,
      MQTT_WS_BIND_PORT: '0',
      MQTT_PROXY_PROTOCOL_ENABLED: 'true',
      HTTP_PROXY_PROTOCOL_ENABLED: 'true',
      GRIDMOOR_TRUSTED_PROXIES: HAPROXY,
      GRIDMOOR_SECRET_KEY: SHARED_KEY,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redisPort),
      REDIS_PASSWORD: PASSWORD,
    },
  });
}

async function sessionsOf(brokers: readonly Broker[]): Promise<number[]> {
  return await Promise.all(
    brokers.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^gridmoor_sessions (\d+)$/m.exec(text)?.[1]);
    }),
  );
}

/** The command of the service, with files and a port of the test's. */
async function startShippedRedis(folder: string) {
  const [port = 0] = await freePorts(1);
  const conf = join(folder, 'redis.conf');
  const secret = join(folder, 'redis-password');
  const shipped = readFileSync('deploy/compose/redis.conf', 'utf8');
  writeFileSync(conf, `${shipped.replace('dir /data', `dir ${folder}`)}port ${port}\n`);
  writeFileSync(secret, PASSWORD);
  const here = (text: string, password: string): string =>
    text
      .replaceAll('$$', '$')
      .replaceAll('/etc/redis.conf', conf)
      .replaceAll('$(cat /run/secrets/redis-password)', password)
      .replace('redis-cli ping', `redis-cli -p ${port} ping`);
  const [shell = '', flag = '', script = ''] = services.redis.command;
  const child = spawn(shell, [flag, here(script, `$(cat ${secret})`)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += String(chunk);
    });
  }
  const exited = once(child, 'exit');
  await vi.waitFor(() => expect(said).toContain('Ready to accept connections'), WAIT);
  return {
    port,
    ask: (...words: readonly string[]): string =>
      execFileSync('redis-cli', ['-p', String(port), ...words], {
        env: { ...env, REDISCLI_AUTH: PASSWORD },
        encoding: 'utf8',
      }).trim(),
    healthy(password: string): boolean {
      const [, text] = services.redis.healthcheck.test;
      try {
        execFileSync('sh', ['-c', here(text, password)], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    },
    /** What stopping the container does: SIGTERM to its first process alone. */
    async stop() {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      return { code, said };
    },
  };
}

/** The shipped configuration with the names and ports of the test's own brokers. */
async function startHaproxy(folder: string, brokers: readonly Broker[]) {
  const [mqtt = 0, ws, http = 0, metrics] = await freePorts(4);
  let text = readFileSync('deploy/compose/haproxy.cfg', 'utf8')
    .replace(/resolvers docker init-addr \S+/, `source ${HAPROXY}`)
    .replace(/resolvers docker\n(?: .*\n)+/, '')
    .replace(/maxconn \d+/, 'maxconn 200')
    .replace('bind :1883', `bind 127.0.0.1:${mqtt}`)
    .replace('bind :8083', `bind 127.0.0.1:${ws}`)
    .replace('bind :8080', `bind 127.0.0.1:${http}`)
    .replace('bind :8404', `bind 127.0.0.1:${metrics}`)
    .replace('check port 8080', 'check');
  for (const [index, { ports }] of brokers.entries()) {
    const name = `broker-${index + 1}`;
    const check = `port ${ports.http}`;
    text = text
      .replace(`${name}:1883`, `127.0.0.1:${ports.mqtt} ${check}`)
      .replace(`${name}:8083`, `127.0.0.1:${ports.ws} ${check}`)
      .replace(`${name}:8080`, `127.0.0.1:${ports.http} ${check}`);
  }
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, text);
  const child = spawn('haproxy', ['-f', file, '-db'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += String(chunk);
    });
  }
  const exited = once(child, 'exit');
  await vi.waitFor(async () => expect(await canConnect(mqtt), said).toBe(true), WAIT);
  return {
    mqtt,
    http,
    /** Ever. */
    down: (server: string): boolean => said.includes(`Server ${server} is DOWN`),
    /** Last. */
    up: (server: string): boolean =>
      said.lastIndexOf(`Server ${server} is UP`) > said.lastIndexOf(`Server ${server} is DOWN`),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(port, '127.0.0.1');
    probe.once('connect', () => done(true)).once('error', () => done(false));
    probe.once('connect', () => probe.destroy());
  });
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}
