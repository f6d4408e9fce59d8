import { BrokerError } from '../errors.ts';
import type { CustomerId } from '../model/ids.ts';
import { randomAlphanumerics } from '../registry/credentials.ts';
import { nameProblem } from '../registry/registry.ts';
import { type ExistingParts, provisionExisting } from './existing-devices.ts';
import { keptPossessionKey, POSSESSION_ATTRIBUTE } from './possession.ts';
import type { Proved } from './proof.ts';
import type { ProvisionRequest } from './request.ts';
import type { StrategyResult } from './strategy.ts';
import type { ProvisionTarget } from './targets.ts';
import { wantedCredentials } from './wanted-credentials.ts';

/** Creates the device, or refuses: an existing name, credentials of another device, a full profile (thingsboard-device-api 2.5). */
export async function allowCreateNewDevices(
  request: ProvisionRequest,
  target: ProvisionTarget,
  by: Extract<Proved, { kind: 'proved' }>['by'],
  parts: ExistingParts,
  customer?: CustomerId,
): Promise<StrategyResult> {
  const { registry, hash, certificates } = parts;
  const { onExisting } = target;
  const name = request.deviceName ?? randomAlphanumerics(20);
  if (request.blankName || nameProblem(name)) return { kind: 'failure', reason: 'name' };
  const wanted = wantedCredentials(request, target, name, certificates);
  if (wanted.kind === 'wrong') return { kind: 'failure', reason: wanted.reason };
  const created = await registry.create({
    name,
    profile: target.profile,
    gateway: request.gateway,
    serverAttributes: {
      provisionState: 'provisioned',
      ...(request.possessionKey ? { [POSSESSION_ATTRIBUTE]: keptPossessionKey(request.possessionKey, hash) } : {}),
    },
    // Until its first login, for those who may ask again until then.
    ...(onExisting === 'once' || onExisting === 'rotate-until-active' ? { state: 'issued' as const } : {}),
    keepSealed: onExisting === 'once' || onExisting === 'return',
    by: `provision:${target.profile}`,
    ...(wanted.credentials ? { credentials: wanted.credentials } : {}),
    ...(target.quota === undefined ? {} : { profileQuota: target.quota }),
    ...(customer === undefined ? {} : { customer }),
  });
  switch (created.kind) {
    case 'created':
      await wanted.keep(created.device.id);
      return { kind: 'success', device: created.device, credentials: created.credentials, how: 'created' };
    case 'name-taken': {
      const device = await registry.device(created.deviceId);
      if (device && onExisting !== 'reject') return provisionExisting(request, target, device, by, parts);
      return { kind: 'failure', reason: 'name-taken', ...(device ? { device } : {}) };
    }
    case 'credentials-taken':
    case 'quota-reached':
      return { kind: 'failure', reason: created.kind };
    default:
      throw new BrokerError('INTERNAL', { detail: 'unhandled creation result' });
  }
}
