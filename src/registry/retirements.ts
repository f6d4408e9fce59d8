import type { Clock } from '../model/clock.ts';
import type { DeviceId } from '../model/ids.ts';
import type { DocumentStore } from '../storage/document-store.ts';

/** That a device was retired, and when, ms since 1970. */
export interface Retirement {
  readonly id: DeviceId;
  readonly at: number;
  readonly version: number;
}

/** When devices were retired, for who deletes them after their time. A note may stand of a device that is not retired. */
export interface Retirements {
  find(id: DeviceId): Promise<Retirement | undefined>;
  /** From now on. */
  note(id: DeviceId): Promise<void>;
  /** In the order of ids, from behind `after`. */
  list(query: { readonly after?: DeviceId; readonly limit: number }): Promise<readonly Retirement[]>;
  /** Unless it was noted again since. */
  drop(retirement: Retirement): Promise<void>;
}

const KIND = 'retired-device';

export function createRetirements(documents: DocumentStore, clock: Clock): Retirements {
  return {
    async find(id) {
      const found = await documents.get(KIND, id, clock.now());
      return found && { id, at: Number(found.text), version: found.version };
    },
    async note(id) {
      const now = clock.now();
      await documents.write([{ kind: KIND, key: id, text: String(now) }], now);
    },
    async list(query) {
      const found = await documents.list(KIND, { ...query, now: clock.now() });
      return found.map(({ key, text, version }) => ({ id: key as DeviceId, at: Number(text), version }));
    },
    async drop({ id, version }) {
      await documents.write([{ kind: KIND, key: id, expected: version }], clock.now());
    },
  };
}
