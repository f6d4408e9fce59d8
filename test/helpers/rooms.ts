import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/model/clock.ts';
import { createKeyedHash, type KeyedHash } from '../../src/model/keyed-hash.ts';
import { createRegistry, type Registry, type RegistryParts } from '../../src/registry/registry.ts';
import { openEmbeddedStorage } from '../../src/storage/embedded/index.ts';
import type { Storage } from '../../src/storage/storage.ts';

export interface Rooms extends AsyncDisposable {
  readonly storage: Storage;
  readonly registry: Registry;
  readonly hash: KeyedHash;
  /** Stands still until it is set. */
  readonly clock: Clock & { set(nowMs: number): void };
}

/** The real store in a folder of its own, and the registry on it, at a time that the test sets. */
export async function openRooms(more: Pick<RegistryParts, 'product'> = {}): Promise<Rooms> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gridmoor-rooms-'));
  const storage = await openEmbeddedStorage({ dataDir, sync: false });
  const hash = createKeyedHash(Buffer.from('an instance key of the tests, long enough'));
  let nowMs = 1_800_000_000_000;
  const clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    set(next: number) {
      nowMs = next;
    },
  };
  const registry = createRegistry({ store: storage.registry, audit: storage.audit, hash, clock, ...more });
  return {
    storage,
    registry,
    hash,
    clock,
    async [Symbol.asyncDispose]() {
      await storage.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
