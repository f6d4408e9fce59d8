import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import type { Secret } from '../model/secret.ts';

export const PROVISION_STRATEGIES = ['disabled', 'allow-create-new-devices', 'check-pre-provisioned-devices'] as const;
export type ProvisionStrategy = (typeof PROVISION_STRATEGIES)[number];

/** What provisioning needs to know of a device profile. */
export interface ProvisionTarget {
  readonly profile: string;
  readonly strategy: ProvisionStrategy;
  /** Keyed hash of the provision secret; absent = no request can be right. */
  readonly secretHash?: string;
  /** Most devices the profile may hold. */
  readonly quota?: number;
  /** Rate of accepted requests, ThingsBoard's format (`100:1,2000:60`). */
  readonly rate?: string;
}

/** Finds the profile of a provision key and secret. */
export interface ProvisionTargets {
  /**
   * The target when key and secret are both right. An unknown key, a profile without secret and a wrong secret take
   * the same steps: one hash of each part and one constant-time comparison.
   */
  match(key: string, secret: Secret): ProvisionTarget | undefined;
}

const NO_SECRET = '0'.repeat(64);

/** @param targets by provision key in clear, as the profile files have it. */
export function createProvisionTargets(
  targets: ReadonlyMap<string, ProvisionTarget>,
  hash: KeyedHash,
): ProvisionTargets {
  const byKeyHash = new Map([...targets].map(([key, target]) => [hash.hash('provision-key', key), target]));
  return {
    match(key, secret) {
      const target = byKeyHash.get(hash.hash('provision-key', key));
      const given = hash.hash('provision-secret', secret.reveal());
      const right = sameHash(target?.secretHash ?? NO_SECRET, given);
      return right && target !== undefined && target.strategy !== 'disabled' ? target : undefined;
    },
  };
}
