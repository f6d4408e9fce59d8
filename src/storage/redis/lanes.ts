import { BrokerError } from '../../errors.ts';
import { ONE_LANE, type WriteLanes } from '../storage.ts';
import type { Entities } from './entities.ts';
import type { Queue } from './queue.ts';
import { slotOf } from './slots.ts';

/** A write that joins others. */
export interface LaneItem {
  readonly entityId: string;
  /** About what it holds. */
  readonly bytes: number;
}

/**
 * Group commit: what is called while a group is under way leaves with the next one. One group of a lane is under way at a time,
 * so a repeat of it never comes after a later write. Without a Cluster all entities share one lane, and its scripts; with one,
 * those of neighbouring slots do, which are on one master as a rule: the others do not wait for it.
 */
export interface Lanes<I extends LaneItem> {
  /** Settles when the item's group is in Redis; all items of a group share the promise. */
  join(item: I): Promise<void>;
  /** Gives the entity a lane of its own from now on, so that it fails alone. */
  isolate(entityId: string): void;
  /** Runs `work` between the writes of the entity that were called before it and after it. */
  alone<T>(entityId: string, work: () => Promise<T>): Promise<T>;
}

/** Of the 14 bits of a slot, those that a lane leaves aside: there are 64 lanes. */
const LANE_BITS = 8;
const CLUSTER_LANES: WriteLanes = { count: 2 ** (14 - LANE_BITS), of: (entityId) => slotOf(entityId) >> LANE_BITS };
/** Items that one group takes; more wait for the next. */
const MOST_ITEMS = 4096;
/** Items after which the lanes that begin in one turn wait for the next one. */
const ITEMS_AT_ONCE = 128;

interface Group<I> {
  readonly items: I[];
  bytes: number;
  /** When its first item began to wait. */
  readonly since: number;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: BrokerError) => void;
}
type Turn<I> = Group<I> | (() => Promise<void>);
interface Lane<I> {
  readonly turns: Turn<I>[];
  /** The group under way. */
  sent: Group<I> | undefined;
}

export const writeLanes = ({ clustered }: Pick<Queue, 'clustered'>): WriteLanes =>
  clustered ? CLUSTER_LANES : ONE_LANE;

export interface LanesOptions<I> {
  readonly queue: Queue;
  readonly entities: Pick<Entities, 'pass' | 'heedWriters'>;
  /** Writes the items of a group, in their order. */
  readonly send: (items: readonly I[], since: number) => Promise<void>;
}

export function createLanes<I extends LaneItem>({ queue, entities, send }: LanesOptions<I>): Lanes<I> {
  const lanes = new Map<string, Lane<I>>();
  const isolated = new Set<string>();
  const { of } = writeLanes(queue);
  const laneOf = (entityId: string): string => (isolated.has(entityId) ? entityId : String(of(entityId)));
  const starting: string[] = [];

  entities.heedWriters((entityId) => {
    const lane = lanes.get(laneOf(entityId));
    const holds = (turn: Turn<I> | undefined): turn is Group<I> =>
      typeof turn === 'object' && turn.items.some((item) => item.entityId === entityId);
    const last = lane?.turns.findLast(holds) ?? (holds(lane?.sent) ? lane.sent : undefined);
    return last?.promise;
  });

  function laneNamed(name: string): Lane<I> {
    const running = lanes.get(name);
    if (running !== undefined) return running;
    const lane: Lane<I> = { turns: [], sent: undefined };
    lanes.set(name, lane);
    if (starting.push(name) === 1) setImmediate(start);
    return lane;
  }

  /** Some at a time, so that the first are answered before the last are put together: what is alive at once costs most. */
  function start(): void {
    let items = 0;
    while (items < ITEMS_AT_ONCE) {
      const name = starting.shift();
      if (name === undefined) return;
      const turn = lanes.get(name)?.turns[0];
      items += typeof turn === 'object' ? turn.items.length : 1;
      void run(name);
    }
    if (starting.length > 0) setImmediate(start);
  }

  async function run(name: string): Promise<void> {
    const lane = laneNamed(name);
    for (let turn = lane.turns.shift(); turn !== undefined; turn = lane.turns.shift()) {
      lane.sent = typeof turn === 'function' ? undefined : turn;
      await (typeof turn === 'function' ? turn() : commit(turn));
    }
    lanes.delete(name);
  }

  async function commit({ items, bytes, since, resolve, reject }: Group<I>): Promise<void> {
    try {
      await send(items, since);
      queue.release(items.length, bytes);
      resolve();
    } catch (error) {
      queue.release(items.length, bytes);
      reject(BrokerError.from(error));
    }
  }

  function enqueue(item: I): Promise<void> {
    const { turns } = laneNamed(laneOf(item.entityId));
    let group = turns.at(-1);
    if (group === undefined || typeof group === 'function' || group.items.length >= MOST_ITEMS) {
      group = newGroup();
      turns.push(group);
      const { promise } = group;
      void queue.background(() => promise).catch(() => undefined);
    }
    group.items.push(item);
    group.bytes += item.bytes;
    return group.promise;
  }

  return {
    join(item) {
      const refused = queue.admit(item.bytes);
      if (refused !== undefined) return Promise.reject(refused);
      const wait = entities.pass(item.entityId);
      return wait === undefined ? enqueue(item) : queue.background(() => wait.then(() => enqueue(item)));
    },
    isolate: (entityId) => void isolated.add(entityId),
    alone<T>(entityId: string, work: () => Promise<T>): Promise<T> {
      const enqueued = (): Promise<T> =>
        new Promise((resolve, reject) => {
          laneNamed(laneOf(entityId)).turns.push(() => work().then(resolve, reject));
        });
      return queue.write(0, () => {
        const wait = entities.pass(entityId);
        return wait === undefined ? enqueued() : wait.then(enqueued);
      });
    },
  };
}

function newGroup<I>(): Group<I> {
  let resolve = (): void => undefined;
  let reject = (_: BrokerError): void => undefined;
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { items: [], bytes: 0, since: performance.now(), promise, resolve, reject };
}
