import type { Clock } from '../model/clock.ts';
import { type Device, isBarred, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { RegistryStore } from '../storage/registry-store.ts';

/** Where a device is, for who counts them: `inactive` was never heard of, `offline` was, and is not connected now. */
export const DEVICE_CONDITIONS = ['online', 'offline', 'inactive', 'disabled', 'retired'] as const;
export type DeviceCondition = (typeof DEVICE_CONDITIONS)[number];
export type DeviceCounts = Readonly<Record<DeviceCondition | 'total', number>>;

/** Devices by condition. Counted by reading all of them, and only when somebody asks. */
export interface DeviceCounter {
  /** @param profiles absent: of all. Sub-devices count like any other device. */
  counts(profiles?: readonly string[]): Promise<DeviceCounts>;
}

export interface DeviceCounterParts {
  readonly registry: Pick<RegistryStore, 'devices'>;
  readonly attributes: Pick<AttributeStore, 'read'>;
  /** Undefined: only the store knows, since other instances have sessions too. */
  readonly isConnected: ((id: DeviceId) => boolean) | undefined;
  readonly clock: Clock;
  /** How long a count is good, ms; one that takes long is good for longer. */
  readonly keepMs: number;
}

const PAGE = 500;
/** Counting takes one part in so many of the time at most. */
const SHARE = 20;
const KEYS = ['lastConnectTime', 'lastDisconnectTime', 'lastActivityTime'] as const;

type ByProfile = ReadonlyMap<string, Record<DeviceCondition, number>>;

export function createDeviceCounter(parts: DeviceCounterParts): DeviceCounter {
  const { registry, clock, keepMs } = parts;
  let counted: { until: number; readonly counts: Promise<ByProfile> } | undefined;

  const conditionOf = async (device: Device): Promise<DeviceCondition> => {
    if (isBarred(device)) return device.state === 'retired' ? 'retired' : 'disabled';
    if (parts.isConnected?.(device.id)) return 'online';
    const state = stateOf(device);
    if (state !== 'active') return 'inactive';
    const facts = await parts.attributes.read(device.id, 'SERVER_SCOPE', KEYS);
    const [connected = 0, disconnected = 0, seen = 0] = KEYS.map((key) => Number(facts.get(key)?.value ?? 0) || 0);
    if (!parts.isConnected && connected > disconnected) return 'online';
    return connected === 0 && seen === 0 && device.state === undefined ? 'inactive' : 'offline';
  };

  const count = async (): Promise<ByProfile> => {
    const counts = new Map<string, Record<DeviceCondition, number>>();
    for (let page = 0; ; page++) {
      const { data, hasNext } = await registry.devices({ page, pageSize: PAGE });
      const conditions = await Promise.all(data.map(conditionOf));
      for (const [at, { profile }] of data.entries()) {
        const row = counts.get(profile) ?? { online: 0, offline: 0, inactive: 0, disabled: 0, retired: 0 };
        const condition = conditions[at];
        if (condition) row[condition]++;
        counts.set(profile, row);
      }
      if (!hasNext) return counts;
      await new Promise((resolve) => setImmediate(resolve)); // others have their turn
    }
  };

  return {
    async counts(profiles) {
      const now = clock.monotonic();
      if (!counted || now >= counted.until) {
        const fresh = { until: Number.POSITIVE_INFINITY, counts: count() };
        counted = fresh;
        const done = (): void => {
          const end = clock.monotonic();
          fresh.until = end + Math.max(keepMs, SHARE * (end - now));
        };
        fresh.counts.then(done, () => {
          if (counted === fresh) counted = undefined; // the next one asks anew
        });
      }
      const sum = { total: 0, online: 0, offline: 0, inactive: 0, disabled: 0, retired: 0 };
      for (const [profile, row] of await counted.counts) {
        if (profiles && !profiles.includes(profile)) continue;
        for (const condition of DEVICE_CONDITIONS) {
          sum[condition] += row[condition];
          sum.total += row[condition];
        }
      }
      return sum;
    },
  };
}
