import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { DocumentStore } from '../storage/document-store.ts';

/** The name of a device that is gone for good: nothing of that name is registered until an administrator lifts it. */
export interface Tombstone {
  readonly name: string;
  readonly deviceId: DeviceId;
  readonly profile: string;
  readonly why: 'retired' | 'replaced';
  readonly at: number;
  readonly by: string;
}

export interface Tombstones {
  find(name: string): Promise<Tombstone | undefined>;
  put(device: Device, more: Pick<Tombstone, 'at' | 'by' | 'why'>): Promise<void>;
  /** In the order of names, from behind `after`. */
  list(query: { readonly after?: string; readonly limit: number }): Promise<readonly Tombstone[]>;
  /** False when there was none. */
  lift(name: string): Promise<boolean>;
}

const KIND = 'tombstone';
/** A longer text is no document's key, and no device's name. */
const MAX_KEY = 255;

export function createTombstones(documents: DocumentStore, clock: Clock): Tombstones {
  const find = async (name: string): Promise<Tombstone | undefined> => {
    if (name.length > MAX_KEY) return undefined;
    const found = await documents.get(KIND, name, clock.now());
    return found && tombstoneOf(name, found.text);
  };
  return {
    find,
    async put({ id, name, profile }, more) {
      const text = JSON.stringify({ deviceId: id, profile, ...more });
      await documents.write([{ kind: KIND, key: name, text }], clock.now());
    },
    async list(query) {
      const found = await documents.list(KIND, { ...query, now: clock.now() });
      return found.map(({ key, text }) => tombstoneOf(key, text));
    },
    async lift(name) {
      if (!(await find(name))) return false;
      await documents.write([{ kind: KIND, key: name }], clock.now());
      return true;
    },
  };
}

const tombstoneOf = (name: string, text: string): Tombstone => ({ name, ...(JSON.parse(text) as object) }) as Tombstone;
