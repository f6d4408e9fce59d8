import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = resolve(import.meta.dirname, '../src');

/** The import table of the style reference: what a room may import besides `model/`, `errors.ts` and itself. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  model: [],
  'errors.ts': [],
  schema: [],
  observe: [],
  'storage/ports': [],
  'cluster/ports': [],
  config: ['schema'],
  'storage/embedded': ['storage/ports', 'observe'],
  'storage/redis': ['storage/ports', 'observe'],
  'cluster/local.ts': ['cluster/ports', 'observe'],
  'cluster/redis': ['cluster/ports', 'storage/redis', 'observe'],
  // Grammar and signatures of other vendors' device protocols: pure.
  'dialects/wire': [],
  // Sessions of devices that speak them: topics and envelopes, as calls of the device API.
  dialects: ['dialects/wire', 'device-api', 'registry', 'profiles', 'observe', 'storage/ports'],
  registry: ['storage/ports', 'dialects/wire'],
  ota: ['storage/ports'],
  telemetry: ['storage/ports', 'cluster/ports'],
  // What there is and what has happened, in buckets of time.
  statistics: ['storage/ports'],
  profiles: ['schema', 'storage/ports', 'rules/alarms/index.ts', 'dialects/wire'],
  provisioning: ['registry', 'profiles', 'storage/ports', 'dialects/wire'],
  rules: ['schema', 'storage/ports', 'observe', 'rules/alarms/index.ts', 'rules/script/index.ts'],
  // The language of chain scripts: it knows messages, and nothing of chains or runs.
  // Alarm rules of device profiles: read, compiled, evaluated; profiles bring them, a node runs them.
  'rules/alarms': ['schema', 'rules/conditions.ts', 'rules/condition-path.ts', 'rules/record.ts'],
  'rules/script': ['schema', 'rules/condition-pattern.ts', 'rules/node-kind.ts', 'rules/record.ts'],
  // Besides the declaration and the context: pure helpers that know nothing of chains or runs.
  'rules/nodes': [
    'schema/fields.ts',
    'rules/node-kind.ts',
    'rules/node-context.ts',
    'rules/script/index.ts',
    'rules/alarms/index.ts',
    'rules/alarm-details.ts',
    'rules/conditions.ts',
    'rules/sources.ts',
    'rules/template.ts',
    'rules/record.ts',
    'rules/redact.ts',
    'rules/secrets.ts',
    'rules/condition-pattern.ts',
    'rules/upgrade-steps.ts',
    'rules/entity-context.ts',
    'rules/processing.ts',
    'rules/attribute-fetch.ts',
    'rules/attribute-scope.ts',
    'rules/fetch.ts',
    'rules/json-path.ts',
    'rules/key-match.ts',
    'rules/mapped-fetch.ts',
    'rules/math-expression.ts',
    'rules/relation-nodes.ts',
    'rules/relation-query.ts',
    // Nodes of external/ alone.
    'rules/outside',
    'schema/secret-ref.ts',
  ],
  'rules/outside': ['rules'],
  // ThingsBoard's exports, in and out: the one room that knows indexes, ids and class names.
  'rules/thingsboard': ['schema', 'rules/chain-graph.ts', 'rules/node-kind.ts', 'rules/record.ts'],
  // Offline tools over the engine's files; the engine knows none of them.
  'rules/tools': ['rules', 'rules/thingsboard', 'schema', 'observe'],
  'app-clients': ['device-api', 'registry', 'storage/ports', 'observe'],
  'device-api': [
    'dialects/wire',
    'registry',
    'ota',
    'provisioning',
    'profiles',
    'rules',
    'telemetry',
    'cluster/ports',
    'storage/ports',
    'observe',
  ],
  // The PROXY protocol, before any front.
  'transport/proxy': ['observe'],
  'transport/mqtt': [
    'device-api',
    'dialects',
    'dialects/wire',
    'app-clients',
    'cluster/bus.ts',
    'observe',
    'transport/proxy',
  ],
  'transport/http': ['device-api', 'dialects', 'dialects/wire', 'observe', 'transport/proxy'],
  'transport/coap': ['device-api', 'dialects', 'dialects/wire', 'observe'],
  admin: [
    'dialects/wire',
    'device-api',
    'registry',
    'ota',
    'profiles',
    'rules',
    'telemetry',
    'statistics',
    'observe',
    'storage/ports',
    'schema',
  ],
  app: ['*'],
  cli: ['app', 'config', 'rules', 'rules/tools', 'profiles', 'schema'],
  'main.ts': ['cli'],
};

/** One importing room for each library; an upgrade is one small diff. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  aedes: ['transport/mqtt'],
  'aedes-persistence': ['transport/mqtt/app'],
  'aedes-persistence-redis': ['transport/mqtt/app'],
  mqemitter: ['transport/mqtt/app/cluster-emitter.ts'],
  'mqtt-packet': ['transport/mqtt'],
  ws: ['transport/mqtt', 'admin/live/socket.ts'],
  ioredis: ['storage/redis/connection.ts'],
  lmdb: ['storage/embedded/environment.ts'],
  acorn: ['rules/script/syntax.ts'],
  ajv: ['schema/validate.ts'],
  pino: ['observe/log.ts'],
  'prom-client': ['observe/metrics.ts'],
  protobufjs: ['schema/proto-schema.ts'],
  'json-rules-engine': [],
  // A client, and the codec that the CoAP front's own is held against: its server can be killed by one datagram.
  coap: [],
  'coap-packet': [],
  '@platformatic/kafka': ['rules/nodes/external/kafka.ts'],
  mqtt: ['rules/nodes/external/mqtt.ts'],
  pg: ['rules/nodes/external/postgres.ts'],
  'rabbitmq-client': ['rules/nodes/external/rabbitmq.ts'],
  undici: ['rules/nodes/external/http.ts'],
  fastify: ['transport/http', 'admin'],
  '@fastify/swagger': ['transport/http', 'admin'],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function sources(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) return sources(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g);
  return [...found].map((match) => ({ file, target: match[1] ?? match[2] ?? '' }));
}

function roomOf(path: string): string {
  const name = relative(src, path);
  const known = Object.keys(TABLE)
    .filter((room) => name === room || name.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
  if (known) return known;
  if (name.startsWith('storage/')) return 'storage/ports';
  if (name.startsWith('cluster/')) return 'cluster/ports';
  throw new Error(`${name} is in no room of the table`);
}

const files = sources(src);
const all = files.flatMap(importsOf);
const inner = all.filter(({ target }) => target.startsWith('.'));

function allowed(from: string, to: string): boolean {
  const fromRoom = roomOf(from);
  const toRoom = roomOf(to);
  if (fromRoom === toRoom || toRoom === 'model' || toRoom === 'errors.ts') return true;
  const may = TABLE[fromRoom] ?? [];
  if (may.includes('*')) return toRoom !== 'cli' && toRoom !== 'main.ts';
  const name = relative(src, to);
  // The engine reaches its nodes only through the catalogue.
  if (fromRoom === 'rules' && toRoom === 'rules/thingsboard') return relative(src, from) === 'rules/parse.ts';
  if (fromRoom === 'rules' && toRoom === 'rules/nodes') return relative(src, from) === 'rules/catalogue.ts';
  return may.includes(toRoom) || may.includes(name);
}

describe('architecture', () => {
  it('every import follows the table', () => {
    const wrong = inner
      .map(({ file, target }) => ({ file, to: resolve(dirname(file), target) }))
      .filter(({ file, to }) => !allowed(file, to))
      .map(({ file, to }) => `${relative(src, file)} -> ${relative(src, to)}`);
    expect(wrong).toEqual([]);
  });

  it('every library has one door', () => {
    const wrong = all.flatMap(({ file, target }) => {
      const doors = Object.entries(DOORS).find(
        ([library]) => target === library || target.startsWith(`${library}/`),
      )?.[1];
      const name = relative(src, file);
      const open = doors === undefined || doors.some((door) => name === door || name.startsWith(`${door}/`));
      return open ? [] : [`${name} -> ${target}`];
    });
    expect(wrong).toEqual([]);
  });

  it('imports make no cycle between files', () => {
    const edges = new Map<string, string[]>();
    for (const { file, target } of inner) {
      const list = edges.get(file) ?? [];
      list.push(resolve(dirname(file), target));
      edges.set(file, list);
    }
    const done = new Set<string>();
    const path: string[] = [];
    const cycles: string[] = [];
    const visit = (file: string): void => {
      const at = path.indexOf(file);
      if (at >= 0) {
        cycles.push([...path.slice(at), file].map((name) => relative(src, name)).join(' -> '));
        return;
      }
      if (done.has(file)) return;
      path.push(file);
      for (const next of edges.get(file) ?? []) visit(next);
      path.pop();
      done.add(file);
    };
    for (const file of files) visit(file);
    expect(cycles).toEqual([]);
  });

  it('what speaks to Redis is loaded only where there is one', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      const text = readFileSync(file, 'utf8');
      const loaded = text.matchAll(/(?:^|\n)\s*(?:import|export)\b(?!\s+type\b)[^;'"]*?from\s*'(\.[^']+)'/g);
      for (const [, target] of loaded) visit(resolve(dirname(file), target ?? ''));
    };
    for (const root of ['main.ts', 'app/serve.ts']) visit(join(src, root));
    const library = /(?:^|\n)import\s(?!type\b)[^;]*?from 'ioredis'/;
    const doors = [...reached].filter((file) => library.test(readFileSync(file, 'utf8')));
    expect(doors.map((file) => relative(src, file))).toEqual([]);
  });

  it('no source file is longer than 400 lines', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 401);
    expect(long.map((file) => relative(src, file))).toEqual([]);
  });
});
