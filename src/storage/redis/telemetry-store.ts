import { BrokerError } from '../../errors.ts';
import { type JsonObject, stringifyJson } from '../../model/json.ts';
import type { SessionMark } from '../session-mark.ts';
import type { TelemetryStore, TelemetryWrite } from '../telemetry-store.ts';
import { OPEN_SAMPLES, sealOnce } from './chunks.ts';
import type { Word } from './connection.ts';
import type { Entities } from './entities.ts';
import { aliveKey, isId, latestKey, openKey } from './keys.ts';
import { createLanes, type LaneItem } from './lanes.ts';
import { latestRuns, readLatest } from './latest.ts';
import type { Queue, ScriptCall } from './queue.ts';
import { readRange } from './range.ts';
import { removePoints } from './remove-points.ts';
import { sampleText } from './samples.ts';
import { loadTimed } from './scripts.ts';
import { sweepHistory } from './sweep.ts';

interface Item extends LaneItem {
  readonly ts: number;
  readonly values: JsonObject;
  readonly text: string;
  readonly latest: boolean;
  readonly history: boolean;
  readonly session: SessionMark | undefined;
}

/** Items of one entity and one session. */
interface EntityItems {
  readonly id: string;
  readonly session: SessionMark | undefined;
  readonly items: readonly Item[];
}

const SAVE = loadTimed('save-samples');
/** Answers of the script besides a number of samples. */
const STALE = -2;
/** What an item weighs in the queue beside its text. */
const ITEM_BYTES = 64;
/** Items and bytes that one script takes: a few milliseconds of Redis at most. */
const SCRIPT_ITEMS = 256;
const SCRIPT_BYTES = 512 * 1024;
/** Entities whose samples are moved into chunks at the same time. */
const SEALS_AT_ONCE = 4;

export interface TelemetryStoreParts {
  readonly entities: Pick<Entities, 'pass' | 'revive' | 'heedWriters'>;
  /** Hears of an entity whose samples cannot be moved into chunks; they stay where they are. */
  readonly onDamage: (entityId: string, error: unknown) => void;
}

/**
 * A write appends to the entity's open samples; every 64 of them are packed into a chunk, which takes a fifth of the memory.
 * A repeat of a group after a lost answer leaves the same (entity, time, key) with the same values.
 */
export function createTelemetryStore(queue: Queue, { entities, onDamage }: TelemetryStoreParts): TelemetryStore {
  const full = new Set<string>();
  const sealing = new Set<string>();
  /** Their open samples cannot be read: they are not tried again. */
  const damaged = new Set<string>();

  const lanes = createLanes<Item>({ queue, entities, send: write });

  async function write(items: readonly Item[], since: number): Promise<void> {
    for (const part of parts(items)) {
      try {
        await writePart(part, since, true);
      } catch (error) {
        if (!isDamage(error) || part.length === 1) throw error;
        await writeApart(part, since);
      }
    }
  }

  /** Finds those that cannot be written among others that can. */
  async function writeApart(part: readonly EntityItems[], since: number): Promise<void> {
    let damage: unknown;
    for (const one of part) {
      try {
        await writePart([one], since, true);
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamage(one.id, error);
        lanes.isolate(one.id);
        damage = error;
      }
    }
    if (damage !== undefined) throw damage;
  }

  async function writePart(part: readonly EntityItems[], since: number, first: boolean): Promise<void> {
    const epochs = part.map(epochOf);
    // A script touches one slot of a Cluster.
    const calls = queue.clustered ? part.map((one) => callOf([one])) : [callOf(part)];
    const open = ((await queue.timedAll(SAVE, calls, since)) as readonly (readonly number[])[]).flat();
    const missing: EntityItems[] = [];
    const again: EntityItems[] = [];
    for (const [at, one] of part.entries()) {
      const count = open[at] ?? 0;
      if (count === STALE) {
        // Its own instance may have claimed the device anew meanwhile.
        if (epochOf(one) > (epochs[at] ?? 0)) again.push(one);
        else one.session?.refuse();
      } else if (count < 0) missing.push(one);
      else if (count >= OPEN_SAMPLES && !sealing.has(one.id) && !damaged.has(one.id)) full.add(one.id);
    }
    if (full.size > 0) sealFull();
    if (again.length > 0) await writePart(again, since, first);
    if (!first || missing.length === 0) return;
    const there = await Promise.all(missing.map(({ id }) => entities.revive(id)));
    const revived = missing.filter((_, at) => there[at]);
    if (revived.length > 0) await writePart(revived, since, false);
  }

  function sealFull(): void {
    for (const id of full) {
      if (sealing.size >= SEALS_AT_ONCE) return;
      full.delete(id);
      sealing.add(id);
      const done = queue.background(() => sealOnce(queue, id));
      done
        .catch((error: unknown) => {
          if (!isDamage(error)) return;
          damaged.add(id);
          onDamage(id, error);
        })
        .finally(() => {
          sealing.delete(id);
          sealFull();
        });
    }
  }

  return {
    save(write) {
      try {
        return lanes.join(toItem(write));
      } catch (error) {
        return Promise.reject(BrokerError.from(error, 'BAD_REQUEST'));
      }
    },
    latest: async (entityId, keys) => (isId(entityId) ? readLatest(queue, entityId, keys) : new Map()),
    range: async (query) => (isId(query.entityId) ? readRange(queue, query) : new Map()),
    async remove(query) {
      if (isId(query.entityId)) await removePoints(queue, lanes, query);
    },
    sweep: (options) => sweepHistory(queue, options),
  };
}

const isDamage = (error: unknown): boolean => error instanceof BrokerError && error.code === 'STORE_CORRUPT';

function toItem(write: TelemetryWrite): Item {
  const { entityId, ts, values, text = stringifyJson(values), latest = true, history = true, session } = write;
  if (!Number.isInteger(ts) || Math.abs(ts) > 2 ** 53) {
    throw new BrokerError('BAD_REQUEST', { detail: 'A time is not an integer number of milliseconds.' });
  }
  return { entityId, ts, values, text, latest, history, session, bytes: text.length + ITEM_BYTES };
}

/** Items in their order, those of an entity together, in parts of bounded size. Unknown forms of ids are nobody's. */
function* parts(items: readonly Item[]): Generator<readonly EntityItems[]> {
  let part = new Map<string, Item[]>();
  let bytes = 0;
  let count = 0;
  const begin = (): void => {
    part = new Map();
    bytes = 0;
    count = 0;
  };
  const whole = (): readonly EntityItems[] =>
    [...part].map(([id, list]) => ({ id, session: list[0]?.session, items: list }));
  for (const item of items) {
    const id = item.entityId;
    let list = part.get(id);
    if (list !== undefined && list[0]?.session !== item.session) {
      yield whole();
      begin();
      list = undefined;
    }
    if (list !== undefined) list.push(item);
    else if (isId(id)) part.set(id, [item]);
    bytes += item.bytes;
    if (++count < SCRIPT_ITEMS && bytes < SCRIPT_BYTES) continue;
    if (part.size > 0) yield whole();
    begin();
  }
  if (part.size > 0) yield whole();
}

function callOf(part: readonly EntityItems[]): ScriptCall {
  const keys: string[] = [];
  const args: Word[] = [];
  for (const one of part) {
    const { id, items } = one;
    keys.push(aliveKey(id), latestKey(id), openKey(id));
    args.push(epochOf(one));
    addWords(args, items);
  }
  return { keys, args };
}

const epochOf = ({ session }: { readonly session: SessionMark | undefined }): number => session?.epoch ?? 0;

function addWords(words: Word[], items: readonly Item[]): void {
  const every = items.every(({ latest, history }) => latest && history);
  const samples = every ? items : items.filter(({ history }) => history);
  const latest = latestRuns(every ? items : items.filter(({ latest }) => latest));
  words.push(latest.runs, samples.length);
  for (const { ts, text } of samples) words.push(sampleText(ts, text));
  for (const word of latest.words) words.push(word);
}
