import type { Bus, BusMessage, RunId } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import type { JsonValue } from '../model/json.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope, type TimedValue } from '../model/telemetry.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import type { Change, ChangeFeed } from './change-feed.ts';

export interface SharedFeedParts {
  readonly bus: Bus;
  readonly instances: Pick<Instances, 'onJoined' | 'onGone' | 'onReturned'>;
  readonly feed: ChangeFeed;
  readonly telemetry: Pick<TelemetryStore, 'latest'>;
  readonly attributes: Pick<AttributeStore, 'read'>;
  readonly onError: (error: unknown) => void;
}

/** Changes of one entity are told of together, ms. */
const GATHER_MS = 100;
/** Entities that one message names. */
const STEP = 1_000;
/** Entities that another instance may watch here. */
const MAX_WATCHED = 200_000;

type Hints = Map<string, { readonly scope?: AttributeScope; readonly removed: boolean; readonly keys: Set<string> }>;

/** One entity that another instance watches: what was stored for it here is told by key; it reads the values itself. */
class RemoteWatch {
  readonly end: () => void;
  #hints: Hints | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(feed: ChangeFeed, entity: string, tell: (message: BusMessage) => void) {
    const stop = feed.watchForOthers(entity, (change) => {
      this.#note(change);
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        const hints = this.#hints ?? new Map();
        this.#hints = undefined;
        for (const { keys, ...rest } of hints.values()) tell({ type: 'changed', entity, ...rest, keys: [...keys] });
      }, GATHER_MS);
    });
    this.end = () => {
      stop();
      clearTimeout(this.#timer);
    };
  }

  #note(change: Change): void {
    const removed = change.kind === 'attributes-removed';
    const scope = change.kind === 'telemetry' ? {} : { scope: change.scope };
    const name = `${removed} ${scope.scope ?? ''}`;
    this.#hints ??= new Map();
    const hint = this.#hints.get(name) ?? { ...scope, removed, keys: new Set<string>() };
    this.#hints.set(name, hint);
    for (const key of removed ? change.keys : Object.keys(change.values)) hint.keys.add(key);
  }
}

/**
 * Lets those who watch an entity here hear of what other instances store for it. Values never cross the bus: it says which keys
 * have changed, at most ten times a second for each entity, and the values are read from the store.
 */
export function shareFeed({ bus, instances, feed, telemetry, attributes, onError }: SharedFeedParts): void {
  const watchedBy = new Map<RunId, Map<string, RemoteWatch>>();
  let remote = 0;
  const publish = (to: RunId | 'all', message: BusMessage): void => void bus.publish(to, message).catch(onError);

  const announce = (to: RunId | 'all', entities: readonly string[]): void => {
    for (let at = 0; at < entities.length; at += STEP) {
      publish(to, { type: 'watch', entities: entities.slice(at, at + STEP) });
    }
  };

  const forget = (run: RunId, entities?: readonly string[]): void => {
    const watches = watchedBy.get(run);
    if (!watches) return;
    for (const entity of entities ?? [...watches.keys()]) {
      const watch = watches.get(entity);
      if (!watch) continue;
      watch.end();
      watches.delete(entity);
      remote--;
    }
    if (watches.size === 0) watchedBy.delete(run);
  };

  const watch = (run: RunId, entities: readonly string[]): void => {
    const watches = watchedBy.get(run) ?? new Map<string, RemoteWatch>();
    watchedBy.set(run, watches);
    for (const entity of entities) {
      if (watches.has(entity) || remote >= MAX_WATCHED) continue;
      watches.set(entity, new RemoteWatch(feed, entity, (message) => publish(run, message)));
      remote++;
    }
  };

  const read = async ({ entity, scope, keys, removed }: Extract<BusMessage, { type: 'changed' }>): Promise<void> => {
    if (!feed.isWatchedHere(entity)) return;
    if (scope === undefined) {
      for (const [ts, values] of byTime(await telemetry.latest(entity, keys))) {
        feed.emitHere(entity, { kind: 'telemetry', ts, values });
      }
      return;
    }
    const known = ATTRIBUTE_SCOPES.find((one) => one === scope);
    if (known === undefined) return;
    const found = await attributes.read(entity, known, keys);
    const gone = removed ? keys.filter((key) => !found.has(key)) : [];
    if (gone.length > 0) feed.emitHere(entity, { kind: 'attributes-removed', scope: known, keys: gone });
    for (const [ts, values] of byTime(found)) feed.emitHere(entity, { kind: 'attributes', scope: known, ts, values });
  };

  bus.subscribe((message, from) => {
    if (message.type === 'watch') watch(from, message.entities);
    else if (message.type === 'unwatch') forget(from, message.entities);
    else if (message.type === 'changed') read(message).catch(onError);
  });
  feed.onWatched((entity, watched) => {
    publish('all', { type: watched ? 'watch' : 'unwatch', entities: [entity] });
  });
  instances.onJoined((run) => announce(run, feed.watchedHere));
  instances.onGone((run) => forget(run));
  instances.onReturned(() => announce('all', feed.watchedHere));
  bus.onGap(() => announce('all', feed.watchedHere));
}

function byTime(values: ReadonlyMap<string, TimedValue>): ReadonlyMap<number, Record<string, JsonValue>> {
  const times = new Map<number, Record<string, JsonValue>>();
  for (const [key, { ts, value }] of values) {
    const some = times.get(ts) ?? {};
    times.set(ts, some);
    // A plain assignment would call the setter of `__proto__`.
    Object.defineProperty(some, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return times;
}
