import type { Device } from '../../model/device.ts';
import type { AttributeStore } from '../attribute-store.ts';
import type { ClaimResult } from '../registry-store.ts';
import type { Commits } from './commit.ts';
import { unseal } from './credentials.ts';
import { closed, KEYS } from './keys.ts';
import { idByName, recordOf } from './names.ts';
import type { Queue } from './queue.ts';

const STATE = 'provisionState';

interface Parts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly attributes: AttributeStore;
}

/**
 * Who writes the attribute has the device: that is one step in the device's own slot, and only then the registry's slot is
 * asked for the credentials. A broker that dies between the two leaves them sealed, and nobody is given them any more.
 */
export async function claimPreProvisioned(
  { queue, commits, attributes }: Parts,
  { name, profile, now }: { readonly name: string; readonly profile: string; readonly now: number },
): Promise<ClaimResult> {
  const id = await idByName(queue, KEYS.deviceNames, closed(name));
  const device = id === undefined ? undefined : await recordOf<Device>(queue, KEYS.devices, id);
  if (device === undefined) return { kind: 'unknown' };
  if (device.profile !== profile) return { kind: 'other-profile', device };
  const found = await attributes.read(device.id, 'SERVER_SCOPE', [STATE]);
  if (found.size > 0) return { kind: 'already-provisioned', device };
  const values = { [STATE]: 'provisioned' };
  const write = { entityId: device.id, scope: 'SERVER_SCOPE', values, ts: now, onlyOnChange: true } as const;
  // Of several that come here at once, the others find the value there already.
  const written = await attributes.save(write);
  if (written.length === 0) return { kind: 'already-provisioned', device };
  const credentials = await commits.step(device.id, (draft) => unseal(draft, device.id));
  return credentials === undefined ? { kind: 'unknown' } : { kind: 'claimed', device, credentials };
}
