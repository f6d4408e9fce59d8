import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { createLifeCycle } from '../registry/life-cycle.ts';
import { createRegistry } from '../registry/registry.ts';
import { createTombstones } from '../registry/tombstones.ts';
import type { Storage } from '../storage/storage.ts';

export interface DeviceParts {
  readonly storage: Storage;
  readonly profiles: () => ProfileSet;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly inactivityTimeoutMs: number;
}

/** The devices, and what becomes of them. */
export function startDevices({ storage, profiles, hash, clock, inactivityTimeoutMs }: DeviceParts) {
  const parts = {
    store: storage.registry,
    audit: storage.audit,
    hash,
    clock,
    tombstones: createTombstones(storage.documents, clock),
    product: (name: string) => profiles().byName(name)?.thing,
  };
  return { registry: createRegistry({ ...parts, inactivityTimeoutMs }), lifeCycle: createLifeCycle(parts) };
}
