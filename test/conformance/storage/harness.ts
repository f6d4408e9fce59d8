import { afterEach, beforeEach } from 'vitest';
import type { Device, StoredCredentials } from '../../../src/model/device.ts';
import type { Asset } from '../../../src/model/entity.ts';
import { type DeviceId, newAssetId, newDeviceId } from '../../../src/model/ids.ts';
import type { JsonObject, JsonValue } from '../../../src/model/json.ts';
import { stringifyJson } from '../../../src/model/json.ts';
import type { TimedValue } from '../../../src/model/telemetry.ts';
import type { NewDevice } from '../../../src/storage/registry-store.ts';
import type { Storage } from '../../../src/storage/storage.ts';

/** A fresh, empty store of one adapter. */
export interface StoreUnderTest {
  readonly storage: Storage;
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<Storage>;
  dispose(): Promise<void>;
}

export interface StoreOptions {
  readonly maxDeadLetters?: number;
  readonly maxMessages?: number;
  readonly maxMessagesPerOriginator?: number;
  readonly maxRpcs?: number;
  readonly maxRpcsPerDevice?: number;
  readonly maxAlarms?: number;
  readonly maxAlarmsPerOriginator?: number;
}

export type MakeStore = (options?: StoreOptions) => Promise<StoreUnderTest>;

/** What a suite sees: always the store that is open now. */
export interface Bench {
  readonly storage: Storage;
  reopen(): Promise<void>;
}

/** A fresh store for each test of the surrounding `describe`. */
export function benchFor(make: MakeStore, options?: StoreOptions): Bench {
  let current: StoreUnderTest | undefined;
  let storage: Storage | undefined;
  beforeEach(async () => {
    current = await make(options);
    storage = current.storage;
  });
  afterEach(async () => {
    await current?.dispose();
  });
  return {
    get storage() {
      if (storage === undefined) throw new Error('no store outside of a test');
      return storage;
    },
    async reopen() {
      storage = await current?.reopen();
    },
  };
}

let count = 0;

export function aDevice(change: Partial<Device> = {}): Device {
  const createdAt = 1_700_000_000_000 + ++count;
  return {
    id: newDeviceId(createdAt),
    name: `device-${count}`,
    profile: 'meter',
    gateway: false,
    createdAt,
    ...change,
  };
}

export function credentialsOf(device: Device, change: Partial<StoredCredentials> = {}): StoredCredentials {
  return {
    deviceId: device.id,
    type: 'ACCESS_TOKEN',
    index: `index-of-${device.name}`,
    createdAt: device.createdAt,
    ...change,
  };
}

export function newDevice(change: Partial<Device> = {}, more: Partial<NewDevice> = {}): NewDevice {
  const device = aDevice(change);
  return { device, credentials: credentialsOf(device), serverAttributes: {}, ...more };
}

/** Registers a device and gives its id. */
export async function register(storage: Storage, change: Partial<Device> = {}): Promise<DeviceId> {
  const entry = newDevice(change);
  await storage.registry.createDevice(entry);
  return entry.device.id;
}

export function anAsset(type: string, name: string): Asset {
  const createdAt = 1_700_000_000_000 + ++count;
  return { id: newAssetId(createdAt), type, name, createdAt };
}

/** A supplier with one key. */
export async function aSupplier(storage: Storage, name = `supplier-${++count}`): Promise<Asset> {
  const asset = anAsset('PowerSupplier', name);
  await storage.suppliers.createSupplier({ asset, keys: [{ kid: 'k1', hash: `key-of-${name}`, notBefore: 0 }] });
  return asset;
}

/** Exact JSON texts: two values that print alike but differ in a number's text must not compare as equal. */
export const exact = (values: ReadonlyMap<string, TimedValue>): Record<string, string> =>
  Object.fromEntries([...values].map(([key, { ts, value }]) => [key, `${ts} ${stringifyJson(value)}`]));

export const points = (list: readonly TimedValue[] | undefined): (readonly [number, JsonValue])[] =>
  (list ?? []).map(({ ts, value }) => [ts, value] as const);

export const object = (entries: Iterable<readonly [string, JsonValue]>): JsonObject => Object.fromEntries(entries);
