import { BrokerError } from '../errors.ts';
import { createKeyedHash } from '../model/keyed-hash.ts';
import type { Secret } from '../model/secret.ts';
import type { Storage } from '../storage/storage.ts';

/** Name of the setting. */
export const KEY_CHECK = 'key-check';

/** What a store keeps of its instance key: tells whether a key is that one, and nothing of it. */
export function keyCheckOf(instanceKey: Secret): string {
  return createKeyedHash(Buffer.from(instanceKey.reveal(), 'utf8')).hash('key-check', KEY_CHECK);
}

/** The check of the key that this data was written with; undefined before the first start. */
export function storedKeyCheck(storage: Storage): Promise<string | undefined> {
  return storage.settings.get(KEY_CHECK);
}

/** Data belongs to one instance key: with another, every stored hash would silently match nothing. */
export async function checkInstanceKey(storage: Storage, instanceKey: Secret, dataDir: string): Promise<void> {
  const check = keyCheckOf(instanceKey);
  if ((await storage.settings.putIfAbsent(KEY_CHECK, check)) !== check) {
    const detail =
      storage.kind === 'redis'
        ? 'the data in Redis was written with another instance key: give that key (GRIDMOOR_SECRET_KEY), the same to every broker'
        : `${dataDir} was written with another instance key: give that key (GRIDMOOR_SECRET_KEY or ${dataDir}/instance.key)`;
    throw new BrokerError('SECRET_KEY_MISMATCH', { detail });
  }
}
