import type { DeviceApi, MessageCounters } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../observe/index.ts';
import { createDeviceCounter, createHistory, startStatistics, type Totals } from '../statistics/index.ts';
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
    totals: () => totalsOf(counters),
    active: () => deviceApi.connected,
    clock,
    flushMs: 10_000,
    onError: (err) => log.warn({ event: 'statistics.not-stored', err }, 'statistics could not be stored yet'),
  });
}

function totalsOf({ fromDevices, connects, downlinks, downlinksDropped, refusals }: MessageCounters): Totals {
  let refused = 0;
  for (const [reason, times] of refusals) if (reason.startsWith('login:')) refused += times;
  return {
    'up.processed': fromDevices.processed,
    'up.dead-lettered': fromDevices['dead-lettered'],
    'up.rate-limited': fromDevices['rate-limited'],
    'up.refused': fromDevices.refused,
    'down.sent': downlinks,
    'down.dropped': downlinksDropped,
    'connections.accepted': connects,
    'connections.refused': refused,
  };
}
