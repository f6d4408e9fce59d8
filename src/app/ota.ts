import { createOtaDownloads, type DeviceLimits } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { Log } from '../observe/index.ts';
import { createOtaAssignments, createOtaPackages } from '../ota/index.ts';
import type { SharedAttributes } from '../ota/life-cycle.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { Storage } from '../storage/storage.ts';

export interface OtaOptions {
  /** Largest firmware or software package, bytes. */
  readonly maxPackageBytes: number;
  readonly storage: Storage;
  readonly profiles: () => ProfileSet;
  readonly limits: DeviceLimits;
  /** The device API's, which pushes what it stores. */
  readonly attributes: SharedAttributes;
  /** Seals the links that devices fetch packages by. */
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly log: Log;
}

/** Firmware and software: packages, who has them, and what devices may fetch. */
export function startOta({ maxPackageBytes, storage, profiles, limits, attributes, hash, clock, log }: OtaOptions) {
  const { ota: store, audit, registry, telemetry } = storage;
  const packages = createOtaPackages({ store, audit, clock, maxBytes: maxPackageBytes });
  const onError = (error: unknown): void =>
    log.error({ event: 'ota.failed', err: error }, 'devices could not be told of their packages');
  const assignments = createOtaAssignments({ store, registry, telemetry, attributes, audit, clock, onError });
  const profile = (name: string) => profiles().byName(name);
  const downloads = createOtaDownloads({ packages, assignments, limits, devices: registry, hash, clock, profile, log });
  assignments.resume().catch(onError);
  return { packages, assignments, downloads };
}
