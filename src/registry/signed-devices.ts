import type { Device, SigningSecrets, StoredCredentials } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import { type SignedId, signedIndex } from './credentials.ts';

/** A device that signs, with what its signatures are checked with. */
export interface SignedDevice {
  readonly device: Device;
  readonly stored: StoredCredentials;
  readonly signing: SigningSecrets;
}

/** Finds a device by product and key. One that is not there costs the same reads, so that the time does not tell. */
export type FindSigned = (id: SignedId) => Promise<SignedDevice | undefined>;

export function createFindSigned({ store, hash }: { store: RegistryStore; hash: KeyedHash }): FindSigned {
  let lastFound: DeviceId | undefined;
  return async (id) => {
    const stored = await store.credentials(signedIndex(id, hash), lastFound);
    if (!stored?.signing) {
      if (lastFound !== undefined) await store.device(lastFound);
      return undefined;
    }
    lastFound = stored.deviceId;
    const device = await store.device(stored.deviceId);
    return device && { device, stored, signing: stored.signing };
  };
}
