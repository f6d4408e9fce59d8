import {
  type DeviceApi,
  MESSAGE_KINDS,
  type MessageCounters,
  OUTCOMES,
  type ProfileCounters,
  sumOfProfiles,
} from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import { createDeviceCounter, createHistory, startStatistics, type Tally, type Totals } from '../statistics/index.ts';
import type { Storage } from '../storage/storage.ts';
import type { Cluster } from './cluster.ts';

export interface StatisticsParts {
  readonly storage: Storage;
  readonly cluster: Cluster;
  readonly deviceApi: DeviceApi;
  readonly counters: MessageCounters;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The statistics of this instance, from the very counters that the metrics show. */
export function openStatistics(parts: StatisticsParts) {
  const { storage, cluster, deviceApi, counters, clock, log } = parts;
  const { shared } = cluster.sessions;
  return startStatistics({
    devices: createDeviceCounter({
      registry: storage.registry,
      attributes: storage.attributes,
      isConnected: shared ? undefined : (id) => deviceApi.isConnected(id),
      clock,
      keepMs: 1_000,
    }),
    // Two processes may have one name.
    history: createHistory(storage.documents, shared ? cluster.bus.self : parts.instanceId, clock),
    tallies: () => talliesOf(counters, deviceApi),
    clock,
    flushMs: 10_000,
    onError: (err) => log.warn({ event: 'statistics.not-stored', err }, 'statistics could not be stored yet'),
  });
}

function talliesOf(counters: MessageCounters, deviceApi: DeviceApi): ReadonlyMap<string | undefined, Tally> {
  const sessions = deviceApi.openSessions();
  const open = { connections: 0, subDevices: 0 };
  const tallies = new Map<string | undefined, Tally>();
  for (const [profile, counted] of counters.profiles) {
    tallies.set(profile, { totals: totalsOf(counted, 0), open: sessions.get(profile) ?? NOTHING });
  }
  for (const { connections, subDevices } of sessions.values()) {
    open.connections += connections;
    open.subDevices += subDevices;
  }
  let refused = 0;
  for (const [reason, times] of counters.refusals) if (reason.startsWith('login:')) refused += times;
  return tallies.set(undefined, { totals: totalsOf(sumOfProfiles(counters), refused), open });
}

const NOTHING = { connections: 0, subDevices: 0 } as const;

/** @param refused connections that were refused: of whom is seldom known, so that they count in all alone. */
function totalsOf({ up, connects, subDeviceConnects, downlinks, downlinksDropped }: ProfileCounters, refused: number) {
  const ended = OUTCOMES.map((outcome) => [
    `up.${outcome}`,
    MESSAGE_KINDS.reduce((sum, kind) => sum + up[kind][outcome], 0),
  ]);
  const held = MESSAGE_KINDS.flatMap((kind) => OUTCOMES.map((outcome) => [`${kind}.${outcome}`, up[kind][outcome]]));
  return {
    ...Object.fromEntries([...ended, ...held]),
    'down.sent': downlinks,
    'down.dropped': downlinksDropped,
    'connections.accepted': connects,
    'connections.refused': refused,
    'sub-devices.accepted': subDeviceConnects,
  } as Totals;
}
