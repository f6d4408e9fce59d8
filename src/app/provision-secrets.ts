import { randomBytes } from 'node:crypto';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { Secret } from '../model/secret.ts';
import type { ProfileSet } from '../profiles/index.ts';
import { createProvisionTargets, type ProvisionTarget, type ProvisionTargets } from '../provisioning/targets.ts';
import type { SettingStore } from '../storage/record-stores.ts';

/** A provision secret that was made just now: shown once, kept only as a hash. */
export interface MadeSecret {
  readonly profile: string;
  readonly provisionKey: string;
  readonly secret: Secret;
  /** The environment variable that would have given it. */
  readonly variable: string | undefined;
}

/**
 * Provision targets of a set of profiles. A secret that the environment does not give is made on the first start, kept as a
 * keyed hash, and handed back once for printing (design.md 4).
 */
export async function resolveProvisionTargets(
  profiles: ProfileSet,
  settings: SettingStore,
  hash: KeyedHash,
): Promise<{ readonly targets: ProvisionTargets; readonly made: readonly MadeSecret[] }> {
  const byKey = new Map<string, ProvisionTarget>();
  const made: MadeSecret[] = [];
  for (const profile of profiles.all()) {
    const { strategy, key, secret, quota, rate } = profile.provision;
    if (strategy === 'disabled' || key === undefined) continue;
    let secretHash: string | undefined;
    if (secret?.kind === 'known') secretHash = hash.hash('provision-secret', secret.secret.reveal());
    else if (secret?.kind === 'pending') {
      const fresh = new Secret(`gmp_${randomBytes(24).toString('base64url')}`);
      const freshHash = hash.hash('provision-secret', fresh.reveal());
      secretHash = await settings.putIfAbsent(`provision-secret:${profile.name}`, freshHash);
      if (secretHash === freshHash) {
        made.push({ profile: profile.name, provisionKey: key, secret: fresh, variable: secret.variable });
      }
    }
    byKey.set(key, {
      profile: profile.name,
      strategy,
      ...(secretHash === undefined ? {} : { secretHash }),
      ...(quota === undefined ? {} : { quota }),
      ...(rate === undefined ? {} : { rate }),
    });
  }
  return { targets: createProvisionTargets(byKey, hash), made };
}
