import {
  alarmsElsewhere,
  type ConnectivityOptions,
  createClaims,
  createConnectivity,
  createDeviceApi,
  createEntityAccess,
  createMessageCounters,
  createMessageRunner,
  createSupplierGuard,
  type DefaultLimits,
  type DeviceApi,
  DeviceLimits,
  type ExplainOptions,
  ExplainRing,
  GatewayLimits,
  type GatewayLimitTexts,
  InstanceLimits,
  type LongPollLimits,
  LongPolls,
  ownsMessage,
  Recorder,
  RefusalPause,
  SessionClaims,
  Sessions,
  type SubDeviceRules,
  sealClaimingData,
  stateElsewhere,
  tellForgotten,
  tellOthersBy,
  WriteFence,
  watchTimeouts,
} from '../device-api/index.ts';
import { type Clock, systemClock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import { createKeyedHash } from '../model/keyed-hash.ts';
import type { Secret } from '../model/secret.ts';
import type { Log } from '../observe/index.ts';
import { createApiKeys } from '../registry/api-keys.ts';
import { createAttachments } from '../registry/attachments.ts';
import { createPasswords } from '../registry/passwords.ts';
import { createSuppliers } from '../registry/suppliers.ts';
import { createUsers } from '../registry/users.ts';
import type { RunLimits } from '../rules/index.ts';
import type { RedisConnectionOptions } from '../storage/redis/connection.ts';
import type { Storage } from '../storage/storage.ts';
import { ChangeFeed, watchedStorage } from '../telemetry/change-feed.ts';
import { shareFeed } from '../telemetry/shared-feed.ts';
import { startAlarms } from './alarms.ts';
import { type AppSessionsPlace, openAppSessions, startAppClients, startPublisher } from './app-clients.ts';
import { type Cluster, joinCluster } from './cluster.ts';
import { startClusterCare } from './cluster-care.ts';
import { type Definitions, loadDefinitions } from './definitions.ts';
import { startDevices } from './devices.ts';
import { checkInstanceKey } from './instance-key.ts';
import { keepHistory } from './kept-history.ts';
import { LiveDefinitions, workDirOf } from './live-definitions.ts';
import { openStorage } from './open-storage.ts';
import { startOta } from './ota.ts';
import type { MadeSecret } from './provision-secrets.ts';
import { type RpcSettings, startRpc } from './rpc.ts';
import { startServices } from './services.ts';
import { shareChains } from './shared-chains.ts';
import { Sources } from './sources.ts';
import { openStatistics } from './statistics.ts';
import { startThings } from './things.ts';
import { refuseUnfinished } from './transfer/unfinished.ts';

export interface CoreOptions {
  readonly dataDir: string;
  readonly profilesDir: string;
  readonly chainsDir: string;
  readonly explain: ExplainOptions;
  /** Hosts besides public ones that nodes may call. */
  readonly allowedHosts: readonly string[];
  readonly instanceId: string;
  readonly instanceKey: Secret;
  /** Absent: this instance is alone. */
  readonly redis?: RedisConnectionOptions;
  readonly adminKey: Secret;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flush to disk before acknowledging: survives power loss, not only the end of the process. */
  readonly sync: boolean;
  readonly runLimits: RunLimits;
  readonly queue: { readonly maxWaiting: number; readonly maxWaitingTotal: number };
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
  /** Rate limits of devices whose profile has none of its own. */
  readonly deviceLimits: DefaultLimits;
  /** Rate limits of all devices together, asked first. */
  readonly instanceLimits: DefaultLimits;
  readonly connectivity: ConnectivityOptions;
  readonly longPolls: LongPollLimits;
  readonly rpc: RpcSettings;
  readonly allowClaimingByDefault: boolean;
  /** Largest firmware or software package. */
  readonly maxPackageBytes: number;
  readonly gatewayLimits: GatewayLimitTexts;
  readonly subDevices: SubDeviceRules;
  readonly pauses: { readonly free: number; readonly baseMs: number; readonly maxMs: number };
}

/** Everything behind the fronts, running. */
export type Core = Awaited<ReturnType<typeof startCore>>;

/** Opens the store, loads profiles and chains, and wires the rooms. Throws BrokerError; then nothing is left open. */
export async function startCore(options: CoreOptions, log: Log, clock: Clock = systemClock) {
  const hash = createKeyedHash(Buffer.from(options.instanceKey.reveal(), 'utf8'));
  const storage = await openStorage(options, log);
  let cluster: Cluster | undefined;
  try {
    await refuseUnfinished(storage);
    await checkInstanceKey(storage, options.instanceKey, options.dataDir);
    const { settings, audit } = storage;
    const first = await loadDefinitions(options, { settings, hash, log });
    cluster = await joinCluster(options, log);
    const place = await openAppSessions(storage, options.redis);
    return wire(options, storage, cluster, place, hash, first, log, clock, audit);
  } catch (error) {
    await storage.close();
    await cluster?.close();
    throw error;
  }
}

function wire(
  options: CoreOptions,
  stored: Storage,
  cluster: Cluster,
  place: AppSessionsPlace,
  hash: ReturnType<typeof createKeyedHash>,
  first: Definitions,
  log: Log,
  clock: Clock,
  audit: Storage['audit'],
) {
  const changes = new ChangeFeed();
  if (cluster.sessions.shared) {
    const onError = (err: unknown): void => log.warn({ event: 'cluster.feed', err }, 'changes of devices are not told');
    shareFeed({ ...cluster, feed: changes, ...stored, onError });
  }
  const storage = watchedStorage(stored, changes);
  const { settings, generations } = storage;
  const onLoaded = ({ made }: Definitions): void => {
    announceMade(made, log);
    sources.refresh();
  };
  const shared = shareChains({ shared: cluster.sessions.shared, settings, bus: cluster.bus });
  const live = new LiveDefinitions(
    { ...options, workDir: workDirOf(options.dataDir) },
    { settings, generations, audit, shared, hash, clock, log, onLoaded },
    first,
  );
  const profiles = () => live.current.profiles;
  const devices = startDevices({ storage, profiles, hash, clock, ...options.connectivity });
  const { registry, lifeCycle, serialLists, trees } = devices;
  const suppliers = createSuppliers({ store: storage.suppliers, audit, hash, clock });
  const attachments = createAttachments({ store: storage.attachments, audit, hash, clock });
  const alarming = startAlarms({
    storage,
    profiles,
    registry,
    ours: (id) => !cluster.sessions.shared || sessions.get(id as DeviceId) !== undefined,
    elsewhere: alarmsElsewhere({ ...cluster, registry: cluster.sessions }),
    clock,
    log,
  });
  const apiKeys = createApiKeys({ store: storage.apiKeys, audit, hash, clock, adminKey: options.adminKey });
  const users = createUsers({ store: storage.users, audit, hash, clock, passwords: createPasswords() });
  const polls = new LongPolls(options.longPolls);
  const { bus, instances } = cluster;
  const tellOthers = tellOthersBy(bus, log);
  const sessions = new Sessions(polls, (device, { text, deleted }) =>
    tellOthers({ type: 'push', device, text, ...(deleted === undefined ? {} : { deleted }) }),
  );
  cluster.own.sessions = () => sessions.size;
  const counters = createMessageCounters();
  const { telemetry } = storage;
  const attributes = watchTimeouts(
    sealClaimingData(storage.attributes, hash),
    (id) => void connectivity.timeoutChanged(id),
  );
  const calls = startRpc(options.rpc, {
    cluster,
    storage,
    clock,
    log,
    json: options.json,
    instanceId: options.instanceId,
    run: (...message) => runner.run(...message),
    raise: (...event) => runner.raise(...event),
    runAt: (...event) => runner.runAt(...event),
  });
  const fence = new WriteFence();
  const entities = createEntityAccess({
    registry,
    profiles,
    assets: storage.assets,
    customers: storage.customers,
    attributes,
    telemetry,
    audit,
    clock,
    fence,
  });
  const explain = new ExplainRing(options.explain, clock);
  const recorder = new Recorder(clock);
  const publisher = startPublisher(storage, { instanceId: options.instanceId, cluster, clock, log });
  const runner = createMessageRunner({
    telemetry,
    attributes,
    entities,
    apps: publisher,
    alarms: alarming.access,
    fence,
    tellDeviceState: (id, event) => void connectivity.tell(id, event),
    changes,
    suppliers,
    attachments,
    sessions,
    rpc: calls.effects,
    clock,
    log,
    supplierGuard: createSupplierGuard(),
    deadLetters: tellForgotten(storage.deadLetters, { counters, clock, log }),
    messages: storage.messages,
    lanes: storage.lanes,
    hash,
    counters,
    generation: (id) => live.generationFor(id),
    storeWasAway: (since) => (storage.health().troubledAt ?? Number.NEGATIVE_INFINITY) >= since,
    onEnded: (generation, failed) => live.ended(generation, failed),
    explain,
    recorder,
    queue: options.queue,
    // Two processes may have one name.
    instanceId: cluster.sessions.shared ? bus.self : options.instanceId,
    mine: ownsMessage(cluster.sessions, bus.self, instances),
  });
  alarming.start(runner, entities);
  const held = { maxHeldPerAddress: 200, maxHeld: 2_000 };
  const guessPause = new RefusalPause({ ...options.pauses, ...held }, clock);
  const failurePause = new RefusalPause({ ...options.pauses, free: options.pauses.free * 20, ...held }, clock);
  const { connectivity: store, customers } = storage;
  const connectivity = createConnectivity(options.connectivity, {
    store,
    attributes,
    devices: storage.registry,
    runner,
    elsewhere: stateElsewhere(cluster.sessions, bus, instances),
    clock,
    log,
  });
  const claimed = new SessionClaims({
    registry: cluster.sessions,
    bus,
    instances,
    sessions,
    settled: (id) => runner.settled(id),
    onClaimed: (id) => alarming.forget(id),
    log,
  });
  const care = startClusterCare({
    ...cluster,
    registry: cluster.sessions,
    claimed,
    connectivity,
    onEnded: () => alarming.takeUp(),
    log,
  });
  const allowByDefault = options.allowClaimingByDefault;
  const claims = createClaims({ store: customers, attributes, audit, hash, clock, allowByDefault });
  const instanceLimits = new InstanceLimits(clock, options.instanceLimits);
  const limits = new DeviceLimits(clock, options.deviceLimits, instanceLimits);
  const ota = startOta({
    maxPackageBytes: options.maxPackageBytes,
    storage,
    profiles,
    limits,
    deviceApi: () => deviceApi,
    hash,
    leads: () => cluster.instances.leads,
    clock,
    log,
  });
  const deviceApi: DeviceApi = createDeviceApi({
    ota: ota.downloads,
    ...devices,
    ...startThings({ storage, ...devices, hash, clock, rest: calls.rest, rpc: calls.rpc, live }),
    profiles,
    attributes,
    runner,
    sessions,
    claimed,
    bus,
    tellOthers,
    limits,
    connectivity,
    claims,
    polls,
    rpc: calls.rpc,
    serverRpc: calls.serverRpc,
    instanceId: options.instanceId,
    assets: storage.assets,
    gatewayLimits: new GatewayLimits(clock, options.gatewayLimits, instanceLimits),
    subDevices: options.subDevices,
    counters,
    guessPause,
    failurePause,
    json: options.json,
    clock,
    log,
  });
  const base = { ...devices, storage, profiles, hash, clock, log };
  const services = startServices({ ...base, deviceApi, cluster, runner, guessPause });
  const retention = keepHistory({ ...base, telemetry, configs: deviceApi.things.configs });
  const statistics = openStatistics({ ...options, storage, cluster, deviceApi, counters, clock, log });
  const sources = new Sources({
    generation: () => live.current.generation,
    leads: () => cluster.instances.leads,
    runAt: runner.runAt,
  });
  runner.start();
  sources.refresh();
  const apps = startAppClients({ place, publisher, apiKeys, refusalPause: guessPause, cluster, clock, log });
  return {
    storage,
    cluster,
    registry,
    lifeCycle,
    trees,
    statistics,
    suppliers,
    attachments,
    alarms: alarming.alarms,
    apiKeys,
    ...services,
    serialLists,
    apps,
    users,
    changes,
    ota,
    deviceApi,
    runner,
    sessions,
    polls,
    calls,
    counters,
    guessPause,
    clock,
    hash,
    made: first.made,
    live,
    explain,
    recorder,
    /** Call after the fronts have closed: finishes what was accepted, then closes the store. */
    async close() {
      await claimed.settled();
      await care.stop();
      guessPause.close();
      failurePause.close();
      polls.stop();
      calls.stop();
      alarming.stop();
      sources.stop();
      await runner.stop();
      await connectivity.stop();
      await retention.stop();
      await ota.close();
      await runner.drain();
      await statistics.stop();
      await publisher.close();
      place.close();
      await live.close();
      await storage.close();
      await cluster.close();
    },
  };
}

function announceMade(made: readonly MadeSecret[], log: Log): void {
  for (const { profile } of made) {
    log.warn(
      { event: 'profile.secret-made', profile },
      'a provision secret was made for a new profile, but is printed only at start: set it by reference instead',
    );
  }
}
