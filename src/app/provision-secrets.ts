import { randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { Secret } from '../model/secret.ts';
import type { ProfileSet } from '../profiles/index.ts';
import {
  createProvisionTargets,
  type ProvisionTarget,
  type ProvisionTargets,
  type TargetSecret,
} from '../provisioning/targets.ts';
import type { SettingStore } from '../storage/record-stores.ts';

/** A provision secret that was made just now: shown once, kept as a hash, and sealed for signatures. */
export interface MadeSecret {
  readonly profile: string;
  readonly provisionKey: string;
  readonly secret: Secret;
  /** The environment variable that would have given it. */
  readonly variable: string | undefined;
}

/**
 * Provision targets of a set of profiles. A secret that the environment does not give is made on the first start, kept as a
 * keyed hash and sealed, and handed back once for printing (design.md 4).
 */
export async function resolveProvisionTargets(
  profiles: ProfileSet,
  settings: SettingStore,
  hash: KeyedHash,
): Promise<{ readonly targets: ProvisionTargets; readonly made: readonly MadeSecret[] }> {
  const inClear = (clear: Secret): TargetSecret => ({ hash: hash.hash('provision-secret', clear.reveal()), clear });
  const byKey = new Map<string, ProvisionTarget>();
  const made: MadeSecret[] = [];
  for (const profile of profiles.all()) {
    const { strategy, key, secret, quota, rate, rules, onExisting } = profile.provision;
    if (strategy === 'disabled' || key === undefined) continue;
    const secrets: TargetSecret[] = [];
    if (secret?.kind === 'known') secrets.push(inClear(secret.secret));
    else if (secret?.kind === 'pending') {
      const { isNew, ...own } = await madeSecret(profile.name, settings, hash);
      secrets.push(own);
      if (isNew && own.clear) {
        made.push({ profile: profile.name, provisionKey: key, secret: own.clear, variable: secret.variable });
      }
    }
    const { previousSecret } = rules;
    if (previousSecret) secrets.push({ ...inClear(previousSecret.secret), until: previousSecret.until });
    byKey.set(key, {
      profile: profile.name,
      strategy,
      secrets,
      onExisting,
      rules,
      ...(quota === undefined ? {} : { quota }),
      ...(rate === undefined ? {} : { rate }),
      ...(profile.x509 ? { x509: profile.x509 } : {}),
    });
  }
  return { targets: createProvisionTargets(byKey, hash), made };
}

/** The secret of this making that stands, whoever made it. Those of former versions are known as hashes alone. */
async function madeSecret(
  profile: string,
  settings: SettingStore,
  hash: KeyedHash,
): Promise<TargetSecret & { readonly isNew: boolean }> {
  const place = `provision-secret:${profile}`;
  const isNew = (await settings.get(place)) === undefined;
  const fresh = hash.seal(`gmp_${randomBytes(24).toString('base64url')}`);
  const sealed = await settings.putIfAbsent(`provision-secret-sealed:${profile}`, fresh);
  const text = hash.open(sealed);
  if (text === undefined) {
    const detail = `the provision secret made for profile "${profile}" was sealed with another key`;
    throw new BrokerError('SECRET_KEY_MISMATCH', { detail });
  }
  const own = hash.hash('provision-secret', text);
  const standing = await settings.putIfAbsent(place, own);
  return standing === own ? { hash: own, clear: new Secret(text), isNew } : { hash: standing, isNew: false };
}
