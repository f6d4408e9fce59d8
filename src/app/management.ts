import { registerAdmin } from '../admin/index.ts';
import { claimLetters } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { createHealth, createMetrics, type Log } from '../observe/index.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';
import type { CoapFront } from '../transport/coap/server.ts';
import { createHttpFront, type HttpFrontOptions } from '../transport/http/server.ts';
import type { MqttFront } from '../transport/mqtt/server.ts';
import { type BackupCopy, makeBackup } from './backup.ts';
import { createBrokerControl } from './brokers.ts';
import { registerCoapMetrics } from './coap-metrics.ts';
import type { Core } from './compose.ts';
import { watchRedis } from './redis-watch.ts';
import { version } from './version.ts';
import type { SharedMetrics } from './workers/shared-metrics.ts';

export interface ManagementOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly instanceId: string;
  readonly dataDir: string;
  /** Present: the store is that Redis. */
  readonly redis?: RedisConnectionOptions;
  readonly maxPayloadBytes: number;
  readonly maxConnections: number;
  readonly requestTimeoutMs: number;
  readonly proxy?: NonNullable<HttpFrontOptions['proxy']>;
}

/** Load balancers have noticed by then that the instance is not ready, ms. */
const NOTICE_MS = 5_000;
/** So many devices move each second when an instance drains: the others take them without a queue. */
const MOVES_PER_SECOND = 1_000;

/** The HTTP server with the device API, the management API and the probes on it. Of several workers each answers with the metrics of all. */
export async function createManagement(
  options: ManagementOptions,
  core: Core,
  { mqtt, coap }: { readonly mqtt: MqttFront; readonly coap: CoapFront | undefined },
  log: Log,
  workers?: SharedMetrics,
) {
  const { storage, deviceApi, registry, suppliers, attachments, apiKeys, guessPause, counters, clock } = core;
  let draining = false;
  const health = createHealth({ clock });
  health.register({
    name: 'running',
    check: () => (draining ? { ok: false, problem: 'the instance is stopping' } : { ok: true }),
  });
  health.register({
    name: 'store',
    check() {
      const { ok, problem } = storage.health();
      return ok ? { ok: true } : { ok: false, problem: problem ?? 'the store does not take writes' };
    },
  });
  health.register({
    name: 'files',
    // The former files serve on: one bad file must not take every instance behind a load balancer out.
    advisory: true,
    check() {
      const { problem } = core.live;
      return problem === undefined ? { ok: true } : { ok: false, problem };
    },
  });
  const redis = options.redis && watchRedis(options.redis, log);
  if (redis) health.register(redis.check);
  const metrics = createMetrics();
  metrics.pull(
    'gauge',
    { name: 'gridmoor_mqtt_connections', help: 'Open MQTT connections, devices and provisioning sessions.' },
    () => mqtt.openConnections,
  );
  const apps = {
    connections: ['gauge', 'Open connections of app clients.'],
    sessions: ['gauge', 'Stored sessions of app clients.'],
    cut: ['counter', 'App clients that were cut off because they did not read.'],
    lost: ['counter', 'Messages that sessions of app clients lost to limits, age or size.'],
  } as const;
  for (const [name, [kind, help]] of Object.entries(apps) as [keyof typeof apps, (typeof apps)[keyof typeof apps]][]) {
    const unit = kind === 'counter' ? '_total' : '';
    metrics.pull(kind, { name: `gridmoor_app_${name}${unit}`, help }, () => mqtt.apps?.[name] ?? 0);
  }
  if (coap) registerCoapMetrics(metrics, coap);
  const notReady = (): void => {
    draining = true;
    core.cluster.own.draining = true;
    core.polls.stop();
  };
  let moving: NodeJS.Timeout | undefined;
  const drainSelf = (): void => {
    if (draining) return;
    log.info({ event: 'draining' }, 'draining: not ready, and the devices move to other instances');
    notReady();
    moving = setTimeout(() => {
      const { mqtt: _plain, mqtts: _tls, ws: _web, ...open } = core.cluster.own.addresses;
      core.cluster.own.addresses = open;
      void mqtt.drain(MOVES_PER_SECOND);
    }, NOTICE_MS);
  };
  const front = createHttpFront({ ...options, closeTimeoutMs: 5_000 }, { deviceApi, serviceApi: core.serviceApi, log });
  await registerAdmin(front.server, {
    ota: core.ota,
    deviceApi,
    registry,
    lifeCycle: core.lifeCycle,
    trees: core.trees,
    statistics: core.statistics,
    suppliers,
    attachments,
    alarms: core.alarms,
    apiKeys,
    serviceAccounts: core.serviceAccounts,
    serialLists: core.serialLists,
    users: core.users,
    changes: core.changes,
    refusalPause: guessPause,
    storage,
    profiles: () => core.live.current.profiles,
    generation: () => core.live.current.generation,
    chains: core.live,
    explain: core.explain,
    recorder: core.recorder,
    retryLetter: core.cluster.sessions.shared
      ? claimLetters(core.runner.retry, { documents: storage.documents, clock, log })
      : core.runner.retry,
    raise: (event) => core.runner.raise(event),
    restRequests: core.calls.rest,
    brokers: createBrokerControl(core.cluster, drainSelf, log),
    counters,
    health,
    metrics: workers ? { ...metrics, collectText: workers.share(() => metrics.collectFamilies()) } : metrics,
    backup: onceAtATime(() => makeBackup(storage, options.dataDir)),
    clock,
    instance: { id: options.instanceId, version: version() },
  });
  return {
    async listen(): Promise<number> {
      return (await front.listen()).port;
    },
    /** From now on `/readyz` says no, and nobody waits. */
    drain: notReady,
    async close() {
      clearTimeout(moving);
      await redis?.stop();
      await front.close();
    },
  };
}

/** Each copy takes the room of the whole store: there is no second one until the first has been read. */
function onceAtATime(make: () => Promise<BackupCopy>): () => Promise<BackupCopy> {
  let busy = false;
  return async () => {
    if (busy) throw new BrokerError('RATE_LIMITED', { detail: 'a backup is being made: ask again when it is done' });
    busy = true;
    try {
      const copy = await make();
      return {
        ...copy,
        dispose() {
          copy.dispose();
          busy = false;
        },
      };
    } catch (error) {
      busy = false;
      throw error;
    }
  };
}
