import { type Device, type StoredCredentials, stateOf } from '../model/device.ts';
import type { RegistryStore } from '../storage/registry-store.ts';

/**
 * A device whose credentials were handed out is active from its first login on; they cannot be read back then. Gives the
 * device as it is.
 */
export async function firstLogin(
  device: Device,
  { sealed: _, ...credentials }: StoredCredentials,
  { store, now }: { readonly store: RegistryStore; readonly now: number },
): Promise<Device> {
  if (stateOf(device) !== 'issued') return device;
  const subject = `device:${device.id}`;
  const change = await store.changeState(device.id, {
    from: ['issued'],
    to: 'active',
    credentials,
    audit: { at: now, action: 'device.activate', by: subject, subject, outcome: 'active' },
  });
  return change.kind === 'changed' ? change.device : device;
}
