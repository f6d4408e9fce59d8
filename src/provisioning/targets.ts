import { hexBytes, sameBytes } from '../dialects/wire/signature.ts';
import { tbp1DeviceKey, tbp1Signature } from '../dialects/wire/tbp1.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import type { Secret } from '../model/secret.ts';
import type { OnExisting, ProvisionRules, X509Profile } from '../profiles/index.ts';
import type { SignedProof } from './request.ts';

export const PROVISION_STRATEGIES = ['disabled', 'allow-create-new-devices', 'check-pre-provisioned-devices'] as const;
export type ProvisionStrategy = (typeof PROVISION_STRATEGIES)[number];

/** A provision secret, as far as it is known. */
export interface TargetSecret {
  readonly hash: string;
  /** Absent: it was made long ago and is known as a hash alone; nothing can be signed with it. */
  readonly clear?: Secret;
  /** From then on it is refused, ms since 1970; absent = never. */
  readonly until?: number;
}

/** What provisioning needs to know of a device profile. */
export interface ProvisionTarget {
  readonly profile: string;
  readonly strategy: ProvisionStrategy;
  /** The current one, and the one before; none = no request can be right. */
  readonly secrets: readonly TargetSecret[];
  /** Most devices the profile may hold. */
  readonly quota?: number;
  /** Rate of accepted requests, ThingsBoard's format (`100:1,2000:60`). */
  readonly rate?: string;
  /** What happens when a device that exists asks again. */
  readonly onExisting: OnExisting;
  readonly rules: ProvisionRules;
  /** Signs certificates for its devices; absent: nobody does. */
  readonly x509?: X509Profile;
}

export type SignedMatch =
  /** `derived`: with the key of this one device. */
  { readonly target: ProvisionTarget; readonly by: 'secret' | 'derived' };

/** Finds the profile of a provision key and what proves its secret. */
export interface ProvisionTargets {
  /**
   * The target when key and secret are both right. An unknown key, a profile without secret and a wrong secret take
   * the same steps: hashes of both parts and constant-time comparisons.
   * @param now ms since 1970.
   */
  match(key: string, secret: Secret, now: number): ProvisionTarget | undefined;
  /** The same for a signature, with a secret of the profile or a key derived from one for the device. */
  matchSigned(proof: SignedProof, now: number): SignedMatch | undefined;
}

const NO_SECRET = '0'.repeat(64);
/** Nobody's: what it signs is compared all the same. */
const NO_KEY = '?'.repeat(80);
const SLOTS = 2;
const SIGNATURE_BYTES = 32;

/** @param targets by provision key in clear, as the profile files have it. */
export function createProvisionTargets(
  targets: ReadonlyMap<string, ProvisionTarget>,
  hash: KeyedHash,
): ProvisionTargets {
  const byKeyHash = new Map([...targets].map(([key, target]) => [hash.hash('provision-key', key), target]));
  /** Exactly `SLOTS` of them. */
  const slotsOf = (target: ProvisionTarget | undefined, now: number): readonly (TargetSecret | undefined)[] => {
    const inForce = (target?.secrets ?? []).filter(({ until }) => until === undefined || now < until);
    return Array.from({ length: SLOTS }, (_, slot) => inForce[slot]);
  };
  const open = (target: ProvisionTarget | undefined, right: boolean): ProvisionTarget | undefined =>
    right && target !== undefined && target.strategy !== 'disabled' ? target : undefined;
  return {
    match(key, secret, now) {
      const target = byKeyHash.get(hash.hash('provision-key', key));
      const given = hash.hash('provision-secret', secret.reveal());
      let right = false;
      for (const slot of slotsOf(target, now)) right = sameHash(slot?.hash ?? NO_SECRET, given) || right;
      return open(target, right && secret.reveal() !== '');
    },
    matchSigned({ fields, content, sign }, now) {
      const target = byKeyHash.get(hash.hash('provision-key', fields.provisionDeviceKey));
      const given = hexBytes(sign, SIGNATURE_BYTES);
      let by: SignedMatch['by'] | undefined;
      for (const slot of slotsOf(target, now)) {
        const secret = slot?.clear?.reveal() ?? NO_KEY;
        const derived = tbp1DeviceKey(secret, fields.deviceName);
        const isBySecret = sameBytes(given, tbp1Signature(content, secret));
        const isByDerived = sameBytes(given, tbp1Signature(content, derived));
        if (slot?.clear === undefined) continue;
        if (isBySecret) by = 'secret';
        else if (isByDerived) by = 'derived';
      }
      const found = open(target, by !== undefined);
      return found && by && { target: found, by };
    },
  };
}
