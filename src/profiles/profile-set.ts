import type { DeviceProfile } from './device-profile.ts';

/** All profiles that are in force together. */
export interface ProfileSet {
  byName(name: string): DeviceProfile | undefined;
  /** Keys in clear, as the files have them: for tools. Requests of devices are matched by keyed hash. */
  byProvisionKey(key: string): DeviceProfile | undefined;
  /** Of a signing dialect. */
  byProductKey(key: string): DeviceProfile | undefined;
  /** Ordered by name. */
  all(): readonly DeviceProfile[];
}

/** @param profiles with unique names and provision keys. */
export function createProfileSet(profiles: readonly DeviceProfile[]): ProfileSet {
  const sorted = [...profiles].sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = new Map(sorted.map((profile) => [profile.name, profile]));
  const keys = new Map(
    sorted.flatMap((profile) =>
      profile.provision.key === undefined ? [] : [[profile.provision.key, profile] as const],
    ),
  );
  const products = new Map(
    sorted.flatMap((profile) => (profile.thing ? [[profile.thing.productKey, profile] as const] : [])),
  );
  return {
    byName: (name) => names.get(name),
    byProvisionKey: (key) => keys.get(key),
    byProductKey: (key) => products.get(key),
    all: () => sorted,
  };
}
