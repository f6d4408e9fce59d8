import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/index.ts';

const FOLDER = 'deploy/compose';
const text = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: unknown;
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const compose = parse(text('compose.yaml'), { merge: true }) as Compose;
const brokers = Object.entries(compose.services).filter(([name]) => name.startsWith('broker-'));
const made = mkdtempSync(join(tmpdir(), 'gridmoor-compose-'));
afterAll(() => rmSync(made, { recursive: true, force: true }));

describe('deploy/compose', () => {
  it('runs two brokers with one store, and each has a name of its own', () => {
    expect(brokers.map(([name]) => name)).toEqual(['broker-1', 'broker-2']);
    const own = brokers.map(([, { environment }]) => environment?.GRIDMOOR_INSTANCE_ID);
    expect(new Set(own).size).toBe(2);
    const { GRIDMOOR_INSTANCE_ID: _one, ...first } = brokers[0]?.[1].environment ?? {};
    const { GRIDMOOR_INSTANCE_ID: _two, ...second } = brokers[1]?.[1].environment ?? {};
    expect(first).toEqual(second);
  });

  it('makes each secret once, for this machine alone, and nothing else ends in the repository', () => {
    cpSync(join(FOLDER, 'secrets.sh'), join(made, 'secrets.sh'));
    const run = () => execFileSync('sh', [join(made, 'secrets.sh')], { encoding: 'utf8' });
    run();
    const names = readdirSync(join(made, 'secrets'));
    const files = Object.values(compose.secrets).map(({ file }) => file.replace('./secrets/', ''));
    expect(names.sort()).toEqual(files.sort());
    expect(statSync(join(made, 'secrets')).mode & 0o777).toBe(0o700);
    const values = names.map((name) => readFileSync(join(made, 'secrets', name), 'utf8'));
    expect(new Set(values).size).toBe(names.length);
    for (const value of values) expect(value).toMatch(/^[\w-]{43}$/);
    expect(run()).toBe('');
    expect(text('.gitignore')).toBe('secrets/\n');
  });

  it('gives the brokers a configuration that is valid, with every secret by reference', async () => {
    for (const [name, { environment = {}, secrets = [] }] of brokers) {
      const asFiles = Object.entries(environment).map(([key, value]) => {
        const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
        if (secret === undefined) return [key, String(value)] as const;
        expect(secrets).toContain(secret);
        return [key, join(made, 'secrets', secret)] as const;
      });
      const loaded = await loadConfig({ env: Object.fromEntries(asFiles), cwd: process.cwd() });
      expect(loaded.ok ? loaded.warnings : loaded.issues, name).toEqual([]);
    }
    for (const { environment = {} } of Object.values(compose.services)) {
      const inClear = Object.keys(environment).filter(
        (key) => /PASSWORD|SECRET|KEY/.test(key) && !key.endsWith('_FILE'),
      );
      expect(inClear).toEqual([]);
    }
  });

  it('believes the address that HAProxy has, and only HAProxy', () => {
    const networks = compose.services.haproxy?.networks as
      | Readonly<Record<string, { ipv4_address: string }>>
      | undefined;
    const address = networks?.inside?.ipv4_address;
    expect(address).toMatch(/^[\d.]+$/);
    for (const [, { environment }] of brokers) expect(environment?.GRIDMOOR_TRUSTED_PROXIES).toBe(address);
  });

  it('mounts only what is there, and names volumes that it declares', () => {
    for (const [name, { volumes = [], build }] of Object.entries(compose.services)) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        const known = source.startsWith('.') ? existsSync(join(FOLDER, source)) : source in compose.volumes;
        expect(known, `${name}: ${volume}`).toBe(true);
      }
      if (build) expect(existsSync(join(FOLDER, build, 'Dockerfile'))).toBe(true);
    }
  });

  it('opens only the ports of devices to other machines', () => {
    const open = Object.values(compose.services).flatMap(({ ports = [] }) => ports);
    expect(open.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual(['1883:1883', '8083:8083']);
  });

  it('tells Redis to keep everything: append-only, flushed always, nothing thrown away', () => {
    const settings = Object.fromEntries(
      text('redis.conf')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split(/ (.*)/s).slice(0, 2)),
    );
    expect(settings).toMatchObject({ appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction' });
  });

  it('haproxy.cfg and prometheus.yml name brokers and ports that are there, and what is published is bound', async () => {
    const [, { environment = {} }] = brokers[0] as [string, Service];
    const open = await portsOf(environment);
    const names = brokers.map(([name]) => name);
    const haproxy = text('haproxy.cfg');
    const bound = new Map(
      [...haproxy.matchAll(/^(?:listen|frontend) (\S+)\n(?:.*\n)*? {4}bind :(\d+)/gm)].map(
        ([, name, port]) => [name, port] as const,
      ),
    );
    expect(Object.fromEntries(bound)).toEqual({
      mqtt: String(open.mqtt),
      'mqtt-websocket': String(open.webSocket),
      http: String(open.http),
      metrics: '8404',
    });
    const servers = [...haproxy.matchAll(/^ {4}server (\S+) (\S+):(\d+)$/gm)];
    expect(servers.map(([, name, host, port]) => [name, host, Number(port)])).toEqual(
      [open.mqtt, open.webSocket, open.http].flatMap((port) => names.map((name) => [name, name, port])),
    );
    expect(haproxy).toContain(`check port ${open.http} `);
    const published = compose.services.haproxy?.ports?.map((port) => port.split(':').at(-1)) ?? [];
    expect([...bound.values()]).toEqual(expect.arrayContaining(published));

    const { scrape_configs: jobs, rule_files: rules } = parse(text('prometheus.yml')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
      rule_files: string[];
    };
    const targets = Object.fromEntries(
      jobs.map((job) => [job.job_name, job.static_configs.flatMap((one) => one.targets)]),
    );
    expect(targets).toEqual({ gridmoor: names.map((name) => `${name}:${open.http}`), haproxy: ['haproxy:8404'] });
    expect(mountsOf('prometheus')).toEqual(expect.arrayContaining(rules));
  });

  it('Grafana finds Prometheus and the dashboard, and the dashboard its data source', () => {
    const sources = parse(text('grafana/datasource.yaml')) as { datasources: { uid: string; url: string }[] };
    expect(sources.datasources).toMatchObject([{ uid: 'gridmoor-prometheus', url: 'http://prometheus:9090' }]);
    const dashboard = readFileSync('deploy/monitoring/gridmoor.dashboard.json', 'utf8');
    const uids = new Set([...dashboard.matchAll(/"datasource":\s*\{[^}]*"uid":\s*"([^"]+)"/g)].map(([, uid]) => uid));
    expect([...uids]).toEqual(['gridmoor-prometheus']);
    const providers = parse(text('grafana/dashboards.yaml')) as { providers: { options: { path: string } }[] };
    const folder = providers.providers[0]?.options.path;
    expect(mountsOf('grafana')).toContain(`${folder}/gridmoor.json`);
  });

  it('brokers and Redis are asked for by the names and files that they have', () => {
    for (const [, { environment, secrets = [] }] of brokers) {
      expect(Object.keys(compose.services)).toContain(environment?.REDIS_HOST);
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...secrets]));
    }
    const { command = [], healthcheck, secrets = [] } = compose.services.redis ?? {};
    const words = [...command, ...(healthcheck?.test ?? [])].join(' ');
    for (const [, path = ''] of words.matchAll(/(\/(?:etc|run)\/[\w./-]+)/g)) {
      const secret = /^\/run\/secrets\/(.+)$/.exec(path)?.[1];
      expect(secret === undefined ? mountsOf('redis') : secrets).toContain(secret ?? path);
    }
    const profile = readFileSync('device-profiles/smart-meter.json', 'utf8');
    expect(profile).toContain('"PROVISION_SECRET_SMART_METER"');
  });
});

function mountsOf(service: string): readonly (string | undefined)[] {
  return compose.services[service]?.volumes?.map((volume) => volume.split(':')[1]) ?? [];
}

/** Where a broker of this environment listens. */
async function portsOf(environment: Readonly<Record<string, string>>) {
  const plain = Object.entries(environment).filter(([name]) => !name.endsWith('_FILE'));
  const loaded = await loadConfig({
    env: { ...Object.fromEntries(plain), GRIDMOOR_SECRET_KEY: 'x'.repeat(43) },
    cwd: process.cwd(),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  const { mqtt, http } = loaded.config;
  return { mqtt: mqtt.bindPort, webSocket: mqtt.wsBindPort, http: http.bindPort };
}
