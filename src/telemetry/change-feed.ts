import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { Storage } from '../storage/storage.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';

/** What became durable. */
export type Change =
  | { readonly kind: 'telemetry'; readonly ts: number; readonly values: JsonObject }
  | { readonly kind: 'attributes'; readonly scope: AttributeScope; readonly ts: number; readonly values: JsonObject }
  | { readonly kind: 'attributes-removed'; readonly scope: AttributeScope; readonly keys: readonly string[] };

export type ChangeListener = (change: Change) => void;

/** Tells who watches a device of what was stored for it, in the order of the commits. Costs nothing for other devices. */
export class ChangeFeed {
  readonly #listeners = new Map<DeviceId, Set<ChangeListener>>();

  /** Gives what ends the watching. Listeners must not throw. */
  watch(id: DeviceId, listener: ChangeListener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  isWatched(id: DeviceId): boolean {
    return this.#listeners.has(id);
  }

  emit(id: DeviceId, change: Change): void {
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener(change);
  }
}

const nothing = (): void => undefined;

/** The same store; the feed hears of telemetry and attributes that are saved or removed through their ports. */
export const watchedStorage = (storage: Storage, feed: ChangeFeed): Storage => ({
  ...storage,
  telemetry: watchedTelemetry(storage.telemetry, feed),
  attributes: watchedAttributes(storage.attributes, feed),
});

function watchedTelemetry(store: TelemetryStore, feed: ChangeFeed): TelemetryStore {
  return {
    save(write) {
      const saved = store.save(write);
      if (write.latest !== false && feed.isWatched(write.deviceId)) {
        const { deviceId, ts, values } = write;
        saved.then(() => feed.emit(deviceId, { kind: 'telemetry', ts, values }), nothing);
      }
      // The promise itself: callers compare it with that of other writes.
      return saved;
    },
    latest: (deviceId, keys) => store.latest(deviceId, keys),
    range: (query) => store.range(query),
    remove: (query) => store.remove(query),
    sweep: (options) => store.sweep(options),
  };
}

function watchedAttributes(store: AttributeStore, feed: ChangeFeed): AttributeStore {
  return {
    save(write) {
      const saved = store.save(write);
      const { deviceId, scope, ts } = write;
      if (feed.isWatched(deviceId)) {
        saved.then((written) => {
          const kept = new Set(written);
          const values = Object.fromEntries(Object.entries(write.values).filter(([key]) => kept.has(key)));
          feed.emit(deviceId, { kind: 'attributes', scope, ts, values });
        }, nothing);
      }
      return saved;
    },
    read: (deviceId, scope, keys) => store.read(deviceId, scope, keys),
    remove(deviceId, scope, keys) {
      const removed = store.remove(deviceId, scope, keys);
      if (feed.isWatched(deviceId)) {
        removed.then((gone) => feed.emit(deviceId, { kind: 'attributes-removed', scope, keys: gone }), nothing);
      }
      return removed;
    },
  };
}
