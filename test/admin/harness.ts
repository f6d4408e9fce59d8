import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions, LightMyRequestResponse as Response } from 'fastify';
import { type AdminDeps, registerAdmin } from '../../src/admin/index.ts';
import { makeBackup } from '../../src/app/backup.ts';
import { createBrokerControl } from '../../src/app/brokers.ts';
import { startCore } from '../../src/app/compose.ts';
import type { Device } from '../../src/model/device.ts';
import { Secret } from '../../src/model/secret.ts';
import { createHealth, createLog, createMetrics, type Health } from '../../src/observe/index.ts';
import { DEFAULT_RUN_LIMITS } from '../../src/rules/index.ts';
import { createHttpFront, HTTP_FRONT_DEFAULTS, type HttpFront } from '../../src/transport/http/server.ts';
import { type Contract, readContract } from './contract.ts';

export const ADMIN_KEY = 'gma_planted-admin-key-0123456789';
export const PROVISION_SECRET = 'planted-provision-secret-0123456789';
export const CUPS = 'ES1234123456789012JY';

const PROFILES = {
  'smart-meter': { strategy: 'allow-create-new-devices', key: 'smart-meter', secret: { env: 'METER_SECRET' } },
  limited: { strategy: 'allow-create-new-devices', key: 'limited', secret: { env: 'METER_SECRET' } },
};

export interface Harness extends AsyncDisposable {
  readonly chainsDir: string;
  readonly core: Awaited<ReturnType<typeof startCore>>;
  readonly front: HttpFront;
  readonly deps: AdminDeps;
  readonly health: Health;
  readonly logLines: string[];
  /** A request as the administrator, unless `key` says otherwise (`''` = none). */
  api(method: InjectOptions['method'], url: string, body?: unknown, key?: string): Promise<Response>;
  inject(options: InjectOptions): Promise<Response>;
  /** A device with this access token. */
  device(name: string, token?: string): Promise<Device>;
  supplier(name: string): Promise<{ readonly id: string; readonly secretKey: string }>;
}

/** The real rooms over a temporary data directory, behind the real HTTP server, without a socket. */
export async function startHarness(
  pauses: { free: number; baseMs: number; maxMs: number } = { free: 3, baseMs: 20, maxMs: 40 },
): Promise<Harness> {
  const dir = mkdtempSync(join(tmpdir(), 'gridmoor-http-'));
  const profilesDir = join(dir, 'profiles');
  const chainsDir = join(dir, 'chains');
  mkdirSync(profilesDir);
  cpSync(new URL('../../rule-chains', import.meta.url).pathname, chainsDir, { recursive: true });
  for (const [name, provision] of Object.entries(PROFILES)) {
    const limits = name === 'limited' ? { limits: { telemetryMessages: '2:3600', messages: '2:3600' } } : {};
    writeFileSync(join(profilesDir, `${name}.json`), JSON.stringify({ name, provision, ...limits }));
  }
  const logLines: string[] = [];
  const log = createLog({ level: 'trace', destination: { write: (line) => logLines.push(line) } });
  const core = await startCore(
    {
      dataDir: join(dir, 'data'),
      profilesDir,
      chainsDir,
      allowedHosts: [],
      explain: { keep: 100, sampleEvery: 0 },
      instanceId: 'test',
      instanceKey: new Secret('instance-key-of-the-http-tests-0123456789'),
      adminKey: new Secret(ADMIN_KEY),
      env: { METER_SECRET: PROVISION_SECRET },
      sync: false,
      runLimits: DEFAULT_RUN_LIMITS,
      instanceLimits: { messages: '', telemetryMessages: '', telemetryDataPoints: '' },
      connectivity: { inactivityTimeoutMs: 600_000, checkIntervalMs: 60_000, reportIntervalMs: 3_000 },
      rpc: {
        strategy: 'BURST',
        defaultTimeoutMs: 200,
        minTimeoutMs: 100,
        clientTimeoutMs: 300,
        ackTimeoutMs: 100,
        maxRetries: 2,
        closeOnDeliveryTimeout: false,
        maxPerDevice: 3,
        maxTotal: 100,
        keepMs: 86_400_000,
      },
      longPolls: { max: 6, maxPerDevice: 4, maxTimeoutMs: 60_000 },
      allowClaimingByDefault: true,
      maxPackageBytes: 1_000_000,
      deviceLimits: { messages: '', telemetryMessages: '', telemetryDataPoints: '' },
      gatewayLimits: {
        subDevices: { messages: '', telemetryMessages: '', telemetryDataPoints: '' },
        own: { messages: '', telemetryMessages: '', telemetryDataPoints: '' },
      },
      subDevices: { max: 100, scope: 'related' },
      queue: { maxWaiting: 100, maxWaitingTotal: 10_000 },
      json: { maxDepth: 32, maxKeys: 10_000 },
      pauses,
    },
    log,
  );
  const metrics = createMetrics({ processMetrics: false });
  const health = createHealth({ clock: core.clock });
  health.register({
    name: 'store',
    check() {
      const { ok, problem = 'not ok' } = core.storage.health();
      return ok ? { ok } : { ok, problem };
    },
  });
  const front = createHttpFront(
    { ...HTTP_FRONT_DEFAULTS, host: '127.0.0.1', port: 0 },
    { deviceApi: core.deviceApi, serviceApi: core.serviceApi, log },
  );
  const deps: AdminDeps = {
    deviceApi: core.deviceApi,
    registry: core.registry,
    lifeCycle: core.lifeCycle,
    trees: core.trees,
    statistics: core.statistics,
    suppliers: core.suppliers,
    attachments: core.attachments,
    alarms: core.alarms,
    apiKeys: core.apiKeys,
    serviceAccounts: core.serviceAccounts,
    serialLists: core.serialLists,
    users: core.users,
    changes: core.changes,
    ota: core.ota,
    refusalPause: core.guessPause,
    storage: core.storage,
    profiles: () => core.live.current.profiles,
    generation: () => core.live.current.generation,
    chains: core.live,
    explain: core.explain,
    recorder: core.recorder,
    retryLetter: (...letter) => core.runner.retry(...letter),
    raise: (event) => core.runner.raise(event),
    restRequests: core.calls.rest,
    brokers: createBrokerControl(core.cluster, () => undefined, log),
    counters: core.counters,
    health,
    metrics,
    backup: () => makeBackup(core.storage, dir),
    clock: core.clock,
    instance: { id: 'test', version: '0.0.0-test' },
  };
  await registerAdmin(front.server, deps);
  await front.server.ready();
  let contract: Contract | undefined;
  const inject = (options: InjectOptions): Promise<Response> => front.server.inject(options);
  return {
    chainsDir,
    core,
    front,
    deps,
    health,
    logLines,
    inject,
    async api(method, url, body, key = ADMIN_KEY) {
      const answer = await inject({
        ...(method === undefined ? {} : { method }),
        url,
        headers: {
          ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      contract ??= readContract((await inject({ url: '/openapi.json' })).json());
      contract(method ?? 'GET', url, answer);
      return answer;
    },
    async device(name, token = `token-of-${name}`) {
      const made = await core.registry.create({
        name,
        profile: name.startsWith('limited') ? 'limited' : 'smart-meter',
        credentials: { type: 'ACCESS_TOKEN', token },
        by: 'test',
      });
      if (made.kind !== 'created') throw new Error(`device ${name}: ${made.kind}`);
      return made.device;
    },
    async supplier(name) {
      const { supplier, secretKey } = await core.suppliers.create(name, 'test');
      return { id: supplier.asset.id, secretKey: secretKey.reveal() };
    },
    async [Symbol.asyncDispose]() {
      await front.close();
      await core.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
