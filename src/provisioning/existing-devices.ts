import { BrokerError } from '../errors.ts';
import { type Device, isBarred, stateOf } from '../model/device.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { openSealed } from '../registry/credentials.ts';
import type { Registry } from '../registry/registry.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import { isPossessionProved, POSSESSION_ATTRIBUTE } from './possession.ts';
import type { Proved } from './proof.ts';
import type { ProvisionRequest } from './request.ts';
import type { StrategyResult } from './strategy.ts';
import type { ProvisionTarget } from './targets.ts';
import { type CertificateHands, wantedCredentials } from './wanted-credentials.ts';

export interface ExistingParts {
  readonly registry: Registry;
  readonly store: RegistryStore;
  readonly attributes: Pick<AttributeStore, 'read'>;
  readonly hash: KeyedHash;
  readonly certificates: CertificateHands;
}

/**
 * A device that exists asks again, with a policy other than `reject`: only for whoever shows that it is the same device
 * (registration-protocols 4, `onExisting`).
 */
export async function provisionExisting(
  request: ProvisionRequest,
  target: ProvisionTarget,
  device: Device,
  by: Extract<Proved, { kind: 'proved' }>['by'],
  parts: ExistingParts,
): Promise<StrategyResult> {
  const failure = (reason: string): StrategyResult => ({ kind: 'failure', reason, device });
  if (device.profile !== target.profile) return failure('other-profile');
  if (isBarred(device)) return failure('disabled');
  if (!(await isSameDevice(request, target, device, by, parts))) return failure('not-proved');
  const policy = target.onExisting;
  const isIssued = stateOf(device) === 'issued';
  if ((policy === 'once' || policy === 'rotate-until-active') && !isIssued) return failure('repeat');
  if (policy === 'once' || policy === 'return') {
    const stored = await parts.store.credentialsOf(device.id);
    const credentials = stored && openSealed(stored, parts.hash);
    // Somebody has replaced them since: what the device asks for is nowhere.
    if (!credentials) return failure('repeat');
    return { kind: 'success', device, credentials, how: 'returned' };
  }
  const wanted = wantedCredentials(request, target, device.name, parts.certificates);
  if (wanted.kind === 'wrong') return failure(wanted.reason);
  try {
    const credentials = await parts.registry.rotate(device.id, wanted.credentials, `provision:${target.profile}`);
    await wanted.keep(device.id);
    return { kind: 'success', device, credentials, how: 'rotated' };
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'CREDENTIALS_TAKEN') return failure('credentials-taken');
    throw error;
  }
}

/** Where no device holds the secret of all, a key derived from it is the device's own. */
async function isSameDevice(
  { possession }: ProvisionRequest,
  { rules }: ProvisionTarget,
  device: Device,
  by: Extract<Proved, { kind: 'proved' }>['by'],
  { attributes, hash }: ExistingParts,
): Promise<boolean> {
  if (by === 'derived' && rules.proof.derivedKeys === 'required') return true;
  if (!possession) return false;
  const kept = await attributes.read(device.id, 'SERVER_SCOPE', [POSSESSION_ATTRIBUTE]);
  return isPossessionProved(kept.get(POSSESSION_ATTRIBUTE)?.value, possession, hash);
}
