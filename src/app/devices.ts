import { createDeviceFiles } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { createAssetTrees } from '../registry/asset-trees.ts';
import { createDeviceCertificates } from '../registry/certificates.ts';
import { createLifeCycle } from '../registry/life-cycle.ts';
import { createRegistry } from '../registry/registry.ts';
import { createRetirements } from '../registry/retirements.ts';
import { createSerialLists } from '../registry/serial-lists.ts';
import { createTombstones } from '../registry/tombstones.ts';
import type { Storage } from '../storage/storage.ts';

export interface DeviceParts {
  readonly storage: Storage;
  readonly profiles: () => ProfileSet;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly inactivityTimeoutMs: number;
}

/** The devices, what becomes of them, and which serials may become devices. */
export function startDevices({ storage, profiles, hash, clock, inactivityTimeoutMs }: DeviceParts) {
  const { documents, audit } = storage;
  const certificates = createDeviceCertificates({ documents, audit, clock });
  const parts = {
    store: storage.registry,
    audit,
    hash,
    clock,
    tombstones: createTombstones(documents, clock),
    retirements: createRetirements(documents, clock),
    product: (name: string) => profiles().byName(name)?.thing,
  };
  const files = createDeviceFiles({ documents, hash, clock });
  const trees = createAssetTrees({ documents, audit, clock });
  const onRemoved = async (id: DeviceId): Promise<void> => {
    await trees.forget(`DEVICE:${id}`);
    await certificates.forget(id);
    await files.forget(id);
  };
  return {
    registry: createRegistry({ ...parts, certificates, inactivityTimeoutMs, onRemoved }),
    certificates,
    files,
    retirements: parts.retirements,
    lifeCycle: createLifeCycle({ ...parts, certificates }),
    serialLists: createSerialLists({ documents, audit, clock }),
    trees,
  };
}
