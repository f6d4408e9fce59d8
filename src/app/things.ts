import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { createDynamicRegistration } from '../provisioning/dynamic-registration.ts';
import { createOnce } from '../provisioning/once.ts';
import { createProvisioning } from '../provisioning/provisioning.ts';
import type { ProvisionTargets } from '../provisioning/targets.ts';
import type { Registry } from '../registry/registry.ts';
import { createSignedLogins } from '../registry/signed-logins.ts';
import type { Storage } from '../storage/storage.ts';

export interface ThingParts {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly targets: () => ProvisionTargets;
}

/** What new devices, and devices of signing dialects, get in by. */
export function startThings({ storage, registry, hash, clock, targets }: ThingParts) {
  const { registry: store, audit } = storage;
  const parts = { registry, store, audit, hash, clock };
  const once = createOnce(storage.documents, clock);
  return {
    audit,
    provisioning: createProvisioning({ ...parts, once, targets }),
    signedLogins: createSignedLogins(parts),
    registration: createDynamicRegistration(parts),
  };
}
