import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { newDevice } from '../helpers/system.ts';

/** HAProxy stands in /usr/sbin, which is not on everybody's path. */
const env = { PATH: `${process.env.PATH}:/usr/sbin` };
/** HAProxy connects from here, everybody else from 127.0.0.1. */
const HAPROXY = '127.0.0.9';

function hasHaproxy(): boolean {
  try {
    execFileSync('haproxy', ['-v'], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: { readonly query: string } }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

/** What Prometheus itself makes. */
const OF_PROMETHEUS = new Set(['up']);

describe('what deploy/ asks of a broker', () => {
  let brokers: readonly [Broker, Broker];
  const folder = mkdtempSync(join(tmpdir(), 'gridmoor-deploy-'));

  beforeAll(async () => {
    const start = (id: string) =>
      startBroker({
        env: {
          GRIDMOOR_INSTANCE_ID: id,
          MQTT_WS_BIND_PORT: '0',
          MQTT_PROXY_PROTOCOL_ENABLED: 'true',
          HTTP_PROXY_PROTOCOL_ENABLED: 'true',
          GRIDMOOR_TRUSTED_PROXIES: HAPROXY,
        },
      });
    brokers = await Promise.all([start('broker-1'), start('broker-2')]);
  });
  afterAll(async () => {
    for (const broker of brokers) await broker[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  describe('monitoring', () => {
    const rules = parse(readFileSync('deploy/monitoring/gridmoor.rules.yaml', 'utf8')) as {
      groups: readonly { rules: readonly Rule[] }[];
    };
    const dashboard = JSON.parse(readFileSync('deploy/monitoring/gridmoor.dashboard.json', 'utf8')) as Dashboard;
    const expressions = [
      ...rules.groups.flatMap(({ rules: ofGroup }) =>
        ofGroup.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
      ),
      ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [`panel ${title}`, expr] as const)),
      ...dashboard.templating.list.map(({ query }) => ['variable', query.query] as const),
      ...dashboard.annotations.list.map(({ expr }) => ['annotation', expr] as const),
    ];
    const metrics = async (): Promise<string> => (await fetch(`${brokers[0].url}/metrics`)).text();

    it.each(expressions)('%s asks for metrics that the broker has: %s', async (_where, expr) => {
      const types = new Set([...(await metrics()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
      const named = expr.match(/\b(?:gridmoor|nodejs|process)_\w+|\bup\b/g) ?? [];
      expect(named.length).toBeGreaterThan(0);
      for (const name of named) expect(types.has(name) || OF_PROMETHEUS.has(name), name).toBe(true);
    });

    it('labels that expressions choose by are ones that the broker gives', async () => {
      const body = await metrics();
      const chosen = expressions.flatMap(([, expr]) => [
        ...expr.matchAll(/(gridmoor_\w+)\{[^}]*?\b(outcome|check)="([^"]+)"/g),
      ]);
      expect(chosen.length).toBeGreaterThan(2);
      for (const [, name, label, value] of chosen) expect(body).toContain(`${name}{${label}="${value}"}`);
    });

    it('every alert says what is the matter and what to do, and the handbook has it', () => {
      const handbook = readFileSync('docs/operations.md', 'utf8');
      for (const rule of rules.groups.flatMap(({ rules: ofGroup }) => ofGroup)) {
        expect(rule).toMatchObject({
          labels: { severity: expect.any(String) },
          annotations: { summary: expect.any(String), action: expect.any(String) },
        });
        expect(handbook).toContain(`\`${rule.alert}\``);
      }
    });

    it('panels do not cover each other', () => {
      const places = dashboard.panels.map(
        (panel) => (panel as unknown as { gridPos: { x: number; y: number; w: number; h: number } }).gridPos,
      );
      const cells = places.flatMap(({ x, y, w, h }) =>
        Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
    });
  });

  it.skipIf(!hasHaproxy())(
    'haproxy.cfg: devices reach both brokers, and none that is stopping (needs haproxy)',
    async () => {
      await using haproxy = await startHaproxy(folder, brokers);
      const token = 'token-of-a-meter-on-either';
      // Each broker of this test has a store of its own: the same device in both.
      for (const broker of brokers) await newDevice(broker, 'meter', token);
      const login = async (): Promise<number> => {
        await using client = await MqttClient.open({ port: haproxy.mqtt, userName: token });
        return await client.connack();
      };
      const answering = async (): Promise<string> => {
        const answer = await fetch(`http://127.0.0.1:${haproxy.http}/metrics`, { headers: { connection: 'close' } });
        return /gridmoor_info\{.*instance="([^"]+)"/.exec(await answer.text())?.[1] ?? 'nobody';
      };
      const four = async <T>(ask: () => Promise<T>): Promise<T[]> => [
        await ask(),
        await ask(),
        await ask(),
        await ask(),
      ];
      expect(await four(login)).toEqual([0, 0, 0, 0]);
      expect(new Set(await four(answering))).toEqual(new Set(['broker-1', 'broker-2']));
      const held = [];
      for (let n = 0; n < 2; n++) held.push(await MqttClient.connect({ port: haproxy.mqtt, userName: token }));
      await expect.poll(() => sessionsOf(brokers)).toEqual([1, 1]);
      for (const client of held) await client[Symbol.asyncDispose]();

      await brokers[0].kill();
      await expect.poll(() => haproxy.down('http/broker-1'), { timeout: 15_000 }).toBe(true);
      await expect.poll(() => haproxy.down('mqtt/broker-1'), { timeout: 15_000 }).toBe(true);
      expect(await four(login)).toEqual([0, 0, 0, 0]);
      expect(new Set(await four(answering))).toEqual(new Set(['broker-2']));
      await brokers[0].restart();
    },
  );
});

function sessionsOf(brokers: readonly Broker[]): Promise<number[]> {
  return Promise.all(
    brokers.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^gridmoor_sessions (\d+)$/m.exec(text)?.[1]);
    }),
  );
}

/** The shipped configuration with the names and ports of the test's own brokers. */
async function startHaproxy(folder: string, brokers: readonly Broker[], source = HAPROXY) {
  const [mqtt, ws, http, metrics] = await freePorts(4);
  let text = readFileSync('deploy/compose/haproxy.cfg', 'utf8')
    .replace(/resolvers docker init-addr \S+/, `source ${source}`)
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
  await expect.poll(() => (child.exitCode === null ? canConnect(mqtt) : Promise.reject(new Error(said)))).toBe(true);
  return {
    mqtt,
    http,
    down: (server: string): boolean => said.includes(`Server ${server} is DOWN`),
    async [Symbol.asyncDispose]() {
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

async function freePorts(count: number): Promise<readonly [number, number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports as unknown as readonly [number, number, number, number];
}
