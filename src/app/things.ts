import type { Clock } from '../model/clock.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { createDynamicRegistration } from '../provisioning/dynamic-registration.ts';
import type { Registry } from '../registry/registry.ts';
import { createSignedLogins } from '../registry/signed-logins.ts';
import type { Storage } from '../storage/storage.ts';

export interface ThingParts {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

/** What devices of signing dialects get in by. */
export function startThings({ storage, registry, hash, clock }: ThingParts) {
  const { registry: store, audit } = storage;
  const parts = { registry, store, audit, hash, clock };
  return { audit, signedLogins: createSignedLogins(parts), registration: createDynamicRegistration(parts) };
}
