import { type EntityId, type EntityType, TENANT } from '../../model/entity.ts';
import type { JsonObject } from '../../model/json.ts';
import { parseJson, stringifyJson } from '../../model/json.ts';
import { corrupt } from '../stored-json.ts';
import type { Draft } from './commit.ts';
import { aliveKey, isId, KEYS } from './keys.ts';
import type { Queue } from './queue.ts';

/** Server attributes that a creation brings, until they are written in the entity's own slot. */
export interface FirstAttributes {
  readonly ts: number;
  readonly values: JsonObject;
}

/** What the entity's own slot holds besides its marker; the stores of attributes and telemetry keep it. */
export interface EntityData {
  /** Called when the marker is set, in the same turn: sends at once, without `pass`, and asks for no marker. */
  writeFirst(id: string, attributes: FirstAttributes): Promise<void>;
  /** Removes whatever hangs on the entity, in every slot; may be called again for what is gone. The marker is gone already. */
  drop(entity: EntityId): Promise<void>;
}

/**
 * Which entities there are. The registry knows it; writers of attributes and telemetry ask the marker in the entity's own slot
 * (`aliveKey`) in the step that writes, and come here when it is missing.
 */
export interface Entities {
  /** For a writer that found no marker: sets it when there is such an entity. False: there is none, nothing is to be stored. */
  revive(id: string): Promise<boolean>;
  /** To be waited for before a write is sent: the entity is being created or removed here. */
  pass(id: string): Promise<void> | undefined;
  /** `underWay` gives what settles with the last write of the entity that was called and is not answered yet. */
  heedWriters(underWay: (id: string) => Promise<void> | undefined): void;
  /** Runs `work`, which creates or removes the entity, between the writes that were called before it and after it. */
  alone<T>(id: string, work: () => Promise<T>): Promise<T>;
  /** Sets the marker and writes what a creation brought, which was listed with the creation and is taken off the list. */
  settle(id: string, first: FirstAttributes | undefined): Promise<void>;
  /** Settles what a creation that was cut short left. */
  settleListed(id: string): Promise<void>;
}

export function createEntities(queue: Queue, data: EntityData): Entities {
  const busy = new Map<string, Promise<void>>();
  const writers: ((id: string) => Promise<void> | undefined)[] = [];

  async function exists(id: string): Promise<boolean> {
    if (id === TENANT.id) return true;
    const tables = [KEYS.devices, KEYS.assets, KEYS.customers];
    return (await Promise.all(tables.map((table) => queue.send('hexists', [table, id])))).includes(1);
  }

  async function settle(id: string, first: FirstAttributes | undefined): Promise<void> {
    // A marker that is there already may hold the epoch of a session.
    const marked = queue.send('set', [aliveKey(id), 1, 'NX']);
    await Promise.all([marked, first === undefined ? undefined : data.writeFirst(id, first)]);
    if (first === undefined) return;
    // What stays on the list for want of an answer is settled again by the next sweep.
    const unlist = () =>
      Promise.all([queue.send('zrem', [KEYS.unsettled, id]), queue.send('hdel', [KEYS.unsettledAttributes, id])]);
    queue.background(unlist).catch(() => undefined);
  }

  async function settleListed(id: string): Promise<void> {
    const text = (await queue.send('hget', [KEYS.unsettledAttributes, id])) as string | null;
    await settle(id, text === null ? undefined : fromText(text));
  }

  return {
    settle,
    settleListed,
    async revive(id) {
      // Who creates it here was called after the writer that asks: later writers wait in `pass`.
      if (busy.has(id) || !isId(id) || !(await exists(id))) return false;
      await settleListed(id);
      return true;
    },
    heedWriters: (underWay) => void writers.push(underWay),
    pass: (id) => (busy.size === 0 ? undefined : busy.get(id)),
    async alone(id, work) {
      // On a Cluster what is sent first may come last: their slots are on other masters.
      const before = [busy.get(id), ...writers.map((underWay) => underWay(id))].filter((one) => one !== undefined);
      const mine = before.length === 0 ? work() : Promise.allSettled(before).then(work);
      const tail = mine.then(
        () => undefined,
        () => undefined,
      );
      busy.set(id, tail);
      try {
        return await mine;
      } finally {
        if (busy.get(id) === tail) busy.delete(id);
      }
    },
  };
}

const TABLES = { DEVICE: KEYS.devices, ASSET: KEYS.assets, CUSTOMER: KEYS.customers } as const satisfies Record<
  Exclude<EntityType, 'TENANT'>,
  string
>;

/** Whether the store has the entity; a step that asks stands only while the answer does. */
export async function hasEntity(draft: Draft, { entityType, id }: EntityId): Promise<boolean> {
  if (!isId(id)) return false;
  return entityType === 'TENANT' ? id === TENANT.id : draft.has(TABLES[entityType], id);
}

export const toText = ({ ts, values }: FirstAttributes): string => stringifyJson({ ts, values });

function fromText(text: string): FirstAttributes {
  const parsed = parseJson(text, { maxDepth: 1_000 });
  if (!parsed.ok) throw corrupt('the attributes of a new device are not JSON');
  const { ts, values } = parsed.value as unknown as { readonly ts: number; readonly values: JsonObject };
  return { ts: Number(ts), values };
}
