import type { KeyedHash } from '../model/keyed-hash.ts';
import { openSealed } from '../registry/credentials.ts';
import type { Registry } from '../registry/registry.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { ProvisionRequest } from './request.ts';
import type { StrategyResult } from './strategy.ts';
import type { ProvisionTarget } from './targets.ts';

/**
 * Hands a device that an administrator created its stored credentials, once (thingsboard-device-api 2.5). Credential
 * fields of the request are ignored. When an administrator allowed a second time by deleting `provisionState`, the
 * credentials can no longer be read back: the device gets a new token instead.
 */
export async function checkPreProvisionedDevices(
  request: ProvisionRequest,
  target: ProvisionTarget,
  parts: { readonly registry: Registry; readonly store: RegistryStore; readonly hash: KeyedHash; readonly now: number },
): Promise<StrategyResult> {
  if (request.blankName || request.deviceName === undefined) return { kind: 'failure', reason: 'name' };
  const claimed = await parts.store.claimPreProvisioned(request.deviceName, target.profile, parts.now);
  switch (claimed.kind) {
    case 'unknown':
      return { kind: 'failure', reason: 'unknown-device' };
    case 'other-profile':
      return { kind: 'failure', reason: 'other-profile', device: claimed.device };
    case 'already-provisioned':
      return { kind: 'failure', reason: 'already-provisioned', device: claimed.device };
    case 'claimed': {
      const by = `provision:${target.profile}`;
      const { device } = claimed;
      const credentials =
        openSealed(claimed.credentials, parts.hash) ?? (await parts.registry.rotate(device.id, undefined, by));
      return { kind: 'success', device, credentials, how: 'claimed' };
    }
  }
}
