import { type Device, isBarred } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import type { ClaimResult } from '../registry-store.ts';
import type { Commits } from './commit.ts';
import { unseal } from './credentials.ts';
import type { Entities } from './entities.ts';
import { aliveKey, attributesKey, closed, entityOperationKey, KEYS } from './keys.ts';
import { idByName, recordOf } from './names.ts';
import type { Queue } from './queue.ts';
import { loadStep } from './scripts.ts';

const CLAIM = loadStep('claim-device');
/** How long Redis remembers that a device was claimed: longer than a repeat of the step can come, ms. */
const KEEP_MS = 15_000;

interface Parts {
  readonly queue: Queue;
  readonly commits: Commits;
  readonly entities: Entities;
}

/**
 * Who writes the attribute `provisionState` has the device: that is one step in the device's own slot, and only then the
 * registry's slot gives the credentials. A broker that dies between the two leaves them sealed, and nobody gets them any more.
 */
export async function claimPreProvisioned(
  parts: Parts,
  { name, profile, now }: { readonly name: string; readonly profile: string; readonly now: number },
): Promise<ClaimResult> {
  const { queue, commits } = parts;
  const id = await idByName(queue, KEYS.deviceNames, closed(name));
  const device = id === undefined ? undefined : await recordOf<Device>(queue, KEYS.devices, id);
  if (device === undefined) return { kind: 'unknown' };
  if (device.profile !== profile) return { kind: 'other-profile', device };
  if (isBarred(device)) return { kind: 'already-provisioned', device };
  const answer = await claim(parts, device.id, now);
  if (answer === 'taken') return { kind: 'already-provisioned', device };
  if (answer === 'gone') return { kind: 'unknown' };
  const credentials = await commits.step(device.id, (draft) => unseal(draft, device.id));
  return credentials === undefined ? { kind: 'unknown' } : { kind: 'claimed', device, credentials };
}

async function claim({ queue, entities }: Parts, id: DeviceId, now: number): Promise<unknown> {
  const keys = [entityOperationKey(id, queue.operationId()), aliveKey(id), attributesKey(id, 'SERVER_SCOPE')];
  const run = () => queue.timed(CLAIM, keys, [KEEP_MS, '=provisionState', `${now} "provisioned"`]);
  const answer = await run();
  return answer === 'gone' && (await entities.revive(id)) ? run() : answer;
}
