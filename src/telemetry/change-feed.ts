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

/** Tells who watches an entity of what was stored for it, in the order of the commits. Costs nothing for others. */
export class ChangeFeed {
  readonly #here = new Map<string, Set<ChangeListener>>();
  readonly #elsewhere = new Map<string, Set<ChangeListener>>();
  #onWatched: ((id: string, watched: boolean) => void) | undefined;

  /** Gives what ends the watching. Listeners must not throw. */
  watch(id: string, listener: ChangeListener): () => void {
    if (!this.#here.has(id)) this.#onWatched?.(id, true);
    return add(this.#here, id, listener, () => this.#onWatched?.(id, false));
  }

  /** The same for those who watch at another instance. */
  watchForOthers(id: string, listener: ChangeListener): () => void {
    return add(this.#elsewhere, id, listener);
  }

  isWatched(id: string): boolean {
    return this.#here.has(id) || this.#elsewhere.has(id);
  }

  isWatchedHere(id: string): boolean {
    return this.#here.has(id);
  }

  get watchedHere(): readonly string[] {
    return [...this.#here.keys()];
  }

  /** Hears when an entity begins or ends to be watched here. */
  onWatched(listener: (id: string, watched: boolean) => void): void {
    this.#onWatched = listener;
  }

  emit(id: string, change: Change): void {
    this.emitHere(id, change);
    for (const listener of [...(this.#elsewhere.get(id) ?? [])]) listener(change);
  }

  /** What another instance has stored. */
  emitHere(id: string, change: Change): void {
    for (const listener of [...(this.#here.get(id) ?? [])]) listener(change);
  }
}

function add(
  map: Map<string, Set<ChangeListener>>,
  id: string,
  listener: ChangeListener,
  onLast?: () => void,
): () => void {
  const listeners = map.get(id) ?? new Set();
  map.set(id, listeners.add(listener));
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || map.get(id) !== listeners) return;
    map.delete(id);
    onLast?.();
  };
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
      if (write.latest !== false && feed.isWatched(write.entityId)) {
        const { entityId, ts, values } = write;
        const told = (): void => feed.emit(entityId, { kind: 'telemetry', ts, values });
        saved.then(() => (write.session?.stale ? undefined : told()), nothing);
      }
      // The promise itself: callers compare it with that of other writes.
      return saved;
    },
    latest: (entityId, keys) => store.latest(entityId, keys),
    range: (query) => store.range(query),
    remove: (query) => store.remove(query),
    sweep: (options) => store.sweep(options),
  };
}

function watchedAttributes(store: AttributeStore, feed: ChangeFeed): AttributeStore {
  return {
    save(write) {
      const saved = store.save(write);
      const { entityId, scope, ts } = write;
      if (feed.isWatched(entityId)) {
        saved.then((written) => {
          const kept = new Set(written);
          const values = Object.fromEntries(Object.entries(write.values).filter(([key]) => kept.has(key)));
          feed.emit(entityId, { kind: 'attributes', scope, ts, values });
        }, nothing);
      }
      return saved;
    },
    read: (entityId, scope, keys) => store.read(entityId, scope, keys),
    remove(entityId, scope, keys) {
      const removed = store.remove(entityId, scope, keys);
      if (feed.isWatched(entityId)) {
        removed.then((gone) => feed.emit(entityId, { kind: 'attributes-removed', scope, keys: gone }), nothing);
      }
      return removed;
    },
  };
}
