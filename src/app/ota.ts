import { createOtaDownloads, type DeviceApi, type DeviceLimits } from '../device-api/index.ts';
import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { Log } from '../observe/index.ts';
import { createOtaAssignments, createOtaCampaigns, createOtaPackages } from '../ota/index.ts';
import type { SharedAttributes } from '../ota/life-cycle.ts';
import type { ProfileSet } from '../profiles/index.ts';
import type { Storage } from '../storage/storage.ts';

export interface OtaOptions {
  /** Largest firmware or software package, bytes. */
  readonly maxPackageBytes: number;
  readonly storage: Storage;
  readonly profiles: () => ProfileSet;
  readonly limits: DeviceLimits;
  /** Made later: it pushes what it stores. */
  readonly deviceApi: () => Pick<DeviceApi, 'saveAttributes' | 'deleteAttributes' | 'isConnected'>;
  /** Seals the links that devices fetch packages by. */
  readonly hash: KeyedHash;
  /** Whether this instance is the one that runs campaigns. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two looks at campaigns that nothing has changed. */
const CAMPAIGN_STEP_MS = 2_000;

/** Firmware and software: packages, who has them, and what devices may fetch. */
export function startOta(options: OtaOptions) {
  const { maxPackageBytes, storage, profiles, limits, deviceApi, hash, clock, log } = options;
  const { ota: store, audit, registry, telemetry } = storage;
  const attributes: SharedAttributes = {
    save: (id, values) => deviceApi().saveAttributes(id, 'SHARED_SCOPE', values),
    remove: (id, keys) => deviceApi().deleteAttributes(id, 'SHARED_SCOPE', keys),
  };
  const packages = createOtaPackages({ store, audit, clock, maxBytes: maxPackageBytes });
  const onError = (error: unknown): void =>
    log.error({ event: 'ota.failed', err: error }, 'devices could not be told of their packages');
  const assignments = createOtaAssignments({ store, registry, telemetry, attributes, audit, clock, onError });
  const profile = (name: string) => profiles().byName(name);
  const campaigns = createOtaCampaigns({
    documents: storage.documents,
    store,
    assignments,
    registry,
    telemetry,
    attributes: storage.attributes,
    audit,
    async isOnline(id) {
      if (deviceApi().isConnected(id)) return true;
      return (await storage.attributes.read(id, 'SERVER_SCOPE', ['active'])).get('active')?.value === true;
    },
    leads: options.leads,
    clock,
    stepMs: CAMPAIGN_STEP_MS,
    onError: (err) => log.error({ event: 'ota.campaign-failed', err }, 'a campaign could not go on; it is tried again'),
  });
  const known = { packages, assignments, campaigns };
  const downloads = createOtaDownloads({ ...known, limits, devices: registry, hash, clock, profile, log });
  assignments.resume().catch(onError);
  return {
    ...known,
    downloads,
    async close() {
      await campaigns.close();
      await assignments.close();
    },
  };
}
