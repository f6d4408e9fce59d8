import { BrokerError } from '../../errors.ts';
import { stringifyJson } from '../../model/json.ts';
import type { AttributeScope, TimedValue } from '../../model/telemetry.ts';
import type { AttributeStore, AttributeWrite } from '../attribute-store.ts';
import type { SessionMark } from '../session-mark.ts';
import { corrupt, storedJson } from '../stored-json.ts';
import type { Word } from './connection.ts';
import type { Entities } from './entities.ts';
import { aliveKey, attributesKey, entityOperationKey, isId } from './keys.ts';
import { createLanes, type LaneItem } from './lanes.ts';
import type { Queue, ScriptCall } from './queue.ts';
import { loadStep, loadTimed } from './scripts.ts';

interface Item extends LaneItem {
  readonly scope: AttributeScope;
  readonly ts: number;
  /** `new`: also when the entity has no marker. */
  readonly mode: 'all' | 'changes' | 'new';
  readonly session: SessionMark | undefined;
  /** Key and JSON text. */
  readonly texts: readonly (readonly [string, string])[];
  /** Set when the write is in Redis. */
  written: readonly string[];
}

const SAVE = loadTimed('save-attributes');
const REMOVE = loadStep('remove-attributes');
/** Every name of a value has it, so that `#` is none. */
const VALUE = '=';
/** Items that one script takes. */
const SCRIPT_ITEMS = 256;
/** How long Redis remembers what a removal answered, ms. */
const KEEP_MS = 15_000;

export function createAttributeStore(
  queue: Queue,
  entities: Pick<Entities, 'pass' | 'revive' | 'heedWriters'>,
): AttributeStore {
  const lanes = createLanes<Item>({ queue, entities, send: write });

  async function write(items: readonly Item[], since: number): Promise<void> {
    for (let at = 0; at < items.length; at += SCRIPT_ITEMS) {
      const part = items.slice(at, at + SCRIPT_ITEMS);
      const missing = await writeItems(queue, part, since);
      const there = await Promise.all(missing.map(({ entityId }) => entities.revive(entityId)));
      const revived = missing.filter((_, index) => there[index]);
      if (revived.length > 0) await writeItems(queue, revived, since);
    }
  }

  return {
    async save(write) {
      if (!isId(write.entityId)) return [];
      const item = toItem(write);
      await lanes.join(item);
      return item.written;
    },
    read: async (entityId, scope, keys) =>
      isId(entityId) ? read(queue, attributesKey(entityId, scope), keys) : new Map(),
    async remove(entityId, scope, keys) {
      const wanted = [...new Set(keys)];
      if (!isId(entityId) || wanted.length === 0) return [];
      const fields = wanted.map(attributeField);
      const operation = entityOperationKey(entityId, queue.operationId());
      const key = attributesKey(entityId, scope);
      const run = (): Promise<unknown> => queue.timed(REMOVE, [operation, key], [KEEP_MS, ...fields]);
      return named(wanted, (await lanes.alone(entityId, run)) as string);
    },
  };
}

/** What a creation brings, at once: its marker was sent in the same turn. */
export async function writeFirstAttributes(
  queue: Queue,
  first: Pick<AttributeWrite, 'entityId' | 'values' | 'ts'>,
): Promise<void> {
  const item = toItem({ ...first, scope: 'SERVER_SCOPE', onlyOnChange: false });
  await writeItems(queue, [{ ...item, mode: 'new' }], performance.now());
}

/** Gives those whose entity has no marker. */
async function writeItems(queue: Queue, items: readonly Item[], since: number): Promise<readonly Item[]> {
  // A script touches one slot of a Cluster.
  const epochs = items.map(epochOf);
  const calls = queue.clustered ? items.map((item) => callOf([item])) : [callOf(items)];
  const answers = ((await queue.timedAll(SAVE, calls, since)) as readonly (readonly string[])[]).flat();
  for (const [at, item] of items.entries()) {
    item.written = named(
      item.texts.map(([key]) => key),
      answers[at] === 'gone' || answers[at] === 'stale' ? '' : (answers[at] ?? ''),
    );
  }
  const stale = items.filter((_, at) => answers[at] === 'stale');
  // Its own instance may have claimed the device anew meanwhile.
  const again = stale.filter((item) => epochOf(item) > (epochs[items.indexOf(item)] ?? 0));
  for (const item of stale) if (!again.includes(item)) item.session?.refuse();
  if (again.length > 0) await writeItems(queue, again, since);
  return items.filter((_, at) => answers[at] === 'gone');
}

function callOf(items: readonly Item[]): ScriptCall {
  const keys = items.flatMap(({ entityId, scope }) => [aliveKey(entityId), attributesKey(entityId, scope)]);
  const args: Word[] = [];
  for (const { ts, mode, texts, session } of items) {
    args.push(session?.epoch ?? 0, ts, mode, texts.length);
    for (const [key, text] of texts) args.push(attributeField(key), text);
  }
  return { keys, args };
}

/** The names at the places of an answer such as `1,3,`. */
const named = (names: readonly string[], places: string): readonly string[] =>
  places.split(',').flatMap((place) => (place === '' ? [] : (names[Number(place) - 1] ?? [])));

const epochOf = ({ session }: Item): number => session?.epoch ?? 0;

function toItem({ entityId, scope, values, ts, onlyOnChange, session }: AttributeWrite): Item {
  try {
    const texts = Object.entries(values).map(([key, value]) => [key, stringifyJson(value)] as const);
    const bytes = texts.reduce((sum, [key, text]) => sum + key.length + text.length, 64);
    return { entityId, scope, ts, mode: onlyOnChange ? 'changes' : 'all', session, texts, bytes, written: [] };
  } catch (cause) {
    throw new BrokerError('BAD_REQUEST', { detail: 'A value cannot be written as JSON.' }, { cause });
  }
}

async function read(
  queue: Queue,
  key: string,
  names: readonly string[] | undefined,
): Promise<ReadonlyMap<string, TimedValue>> {
  const found = await readTexts(queue, key, names);
  return new Map(found.map(([name, ts, text]) => [name, { ts, value: storedJson(text) }]));
}

export const attributeField = (name: string): string => `${VALUE}${name}`;
export const attributeText = (order: number, ts: number, text: string): string => `${order} ${ts} ${text}`;

/** Named attributes of one scope, or all, in the order of their first writing. */
export async function readTexts(
  queue: Queue,
  key: string,
  names?: readonly string[],
): Promise<readonly (readonly [name: string, ts: number, text: string])[]> {
  const found: { readonly order: number; readonly value: readonly [string, number, string] }[] = [];
  const add = (field: string, text: string | null | undefined): void => {
    if (typeof text !== 'string' || !field.startsWith(VALUE)) return;
    const parts = /^(\d+) (\S+) (.*)$/s.exec(text);
    if (parts === null) throw corrupt('an attribute has no time');
    const [, order, ts, json = ''] = parts;
    found.push({ order: Number(order), value: [field.slice(VALUE.length), Number(ts), json] });
  };
  if (names === undefined) {
    const flat = (await queue.send('hgetall', [key])) as readonly string[];
    for (let at = 0; at + 1 < flat.length; at += 2) add(flat[at] ?? '', flat[at + 1]);
  } else if (names.length > 0) {
    const fields = [...new Set(names)].map(attributeField);
    const texts = (await queue.send('hmget', [key, ...fields])) as readonly (string | null)[];
    for (const [at, field] of fields.entries()) add(field, texts[at]);
  }
  found.sort((a, b) => a.order - b.order);
  return found.map(({ value }) => value);
}
