import type { DeviceOriginator } from '../../model/msg.ts';
import { DeviceAlarms } from './device-alarms.ts';

/** A node that keeps alarm states. */
export interface AlarmPlace {
  readonly chain: string;
  readonly node: string;
}

/** An evaluation that time asks for. */
export interface DueAlarms {
  readonly at: AlarmPlace;
  readonly originator: DeviceOriginator;
  readonly dueAt: number;
}

/**
 * What nodes keep of devices for their alarm rules. At most `max` devices and nodes, and as many that wait for a time: those
 * that were silent the longest are dropped, and begin anew. It outlives a reload of the chains.
 */
export class AlarmStates {
  readonly #kept = new Map<string, DeviceAlarms>();
  readonly #waiting = new Map<string, DueAlarms>();
  readonly #max: number;
  readonly #places = new Set<string>();
  readonly #ours: (id: string) => boolean;

  /** @param ours whether this process alone has the device's messages: what is kept of another is not relied on. */
  constructor(max: number, ours: (id: string) => boolean = () => true) {
    this.#max = max;
    this.#ours = ours;
  }

  /** Another process may have had the device's messages: its states are read from the store anew. */
  forget(id: string): void {
    for (const place of this.#places) this.#kept.delete(`${id} ${place}`);
  }

  /** Undefined: nothing is kept of the device at this node. */
  find(at: AlarmPlace, originator: DeviceOriginator): DeviceAlarms | undefined {
    if (!this.#ours(originator.id)) return undefined;
    const key = keyOf(at, originator);
    const alarms = this.#kept.get(key);
    if (alarms !== undefined) put(this.#kept, key, alarms, this.#max);
    return alarms;
  }

  create(at: AlarmPlace, originator: DeviceOriginator): DeviceAlarms {
    const alarms = new DeviceAlarms();
    this.#places.add(`${at.chain}/${at.node}`);
    put(this.#kept, keyOf(at, originator), alarms, this.#max);
    return alarms;
  }

  /** When the device is to be looked at though nothing comes; undefined: never. */
  setDue({ chain, node }: AlarmPlace, originator: DeviceOriginator, dueAt: number | undefined): void {
    const key = keyOf({ chain, node }, originator);
    if (dueAt === undefined) this.#waiting.delete(key);
    else put(this.#waiting, key, { at: { chain, node }, originator, dueAt }, this.#max);
  }

  /** Takes out what is due at `now`, the earliest first; at most `limit`. */
  takeDue(now: number, limit: number): readonly DueAlarms[] {
    const due = [...this.#waiting].filter(([, one]) => one.dueAt <= now).sort(([, a], [, b]) => a.dueAt - b.dueAt);
    return due.slice(0, limit).map(([key, one]) => {
      this.#waiting.delete(key);
      return one;
    });
  }

  /** The earliest time that is waited for; undefined: none. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const { dueAt } of this.#waiting.values()) if (next === undefined || dueAt < next) next = dueAt;
    return next;
  }
}

const keyOf = ({ chain, node }: AlarmPlace, { id }: DeviceOriginator): string => `${id} ${chain}/${node}`;

/** As the newest. */
function put<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
