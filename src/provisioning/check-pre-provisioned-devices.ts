import type { KeyedHash } from '../model/keyed-hash.ts';
import { openSealed } from '../registry/credentials.ts';
import type { Registry } from '../registry/registry.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { ProvisionRequest } from './request.ts';
import type { StrategyResult } from './strategy.ts';
import type { ProvisionTarget } from './targets.ts';
import { type CertificateHands, wantedCredentials } from './wanted-credentials.ts';

const IGNORED = { token: '', clientId: '', userName: '', password: '', certificate: '' };

/**
 * Hands a device that an administrator created its stored credentials, once (thingsboard-device-api 2.5). Credential
 * fields of the request are ignored, but for a CSR: its certificate takes their place. When an administrator allowed a second time by deleting `provisionState`, the
 * credentials can no longer be read back: the device gets a new token instead.
 */
export async function checkPreProvisionedDevices(
  request: ProvisionRequest,
  target: ProvisionTarget,
  parts: {
    readonly registry: Registry;
    readonly store: RegistryStore;
    readonly hash: KeyedHash;
    readonly certificates: CertificateHands;
    readonly now: number;
  },
): Promise<StrategyResult> {
  if (request.blankName || request.deviceName === undefined) return { kind: 'failure', reason: 'name' };
  const wanted = wantedCredentials({ ...request, ...IGNORED }, target, request.deviceName, parts.certificates);
  if (wanted.kind === 'wrong') return { kind: 'failure', reason: wanted.reason };
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
      const kept = wanted.credentials ? undefined : openSealed(claimed.credentials, parts.hash);
      const credentials = kept ?? (await parts.registry.rotate(device.id, wanted.credentials, by));
      await wanted.keep(device.id);
      return { kind: 'success', device, credentials, how: 'claimed' };
    }
  }
}
