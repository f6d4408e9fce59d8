import { BrokerError } from '../../errors.ts';
import { type JsonObject, stringifyJson } from '../../model/json.ts';
import type { TimedValue } from '../../model/telemetry.ts';
import { storedObject } from '../stored-json.ts';
import type { RangeQuery, TelemetryStore, TelemetryWrite } from '../telemetry-store.ts';
import type { Batch } from './commit-group.ts';
import type { Committer } from './committer.ts';
import { isOtherEntity } from './entities.ts';
import type { Environment } from './environment.ts';
import {
  EMPTY_HEAD,
  fragments,
  HEAD_START,
  packFragments,
  samplesStart,
  sealFragments,
  soleFragmentTs,
} from './head.ts';
import { bucketOf, checkTs, clampTs, HISTORY_KEY_BYTES, readRange, writeHistoryKey } from './history.ts';
import { ID_BYTES, idKey, writeId } from './keys.ts';
import { covers, keysText, mergeLatest } from './latest.ts';
import type { Codec } from './portions.ts';
import type { Purge } from './purge.ts';
import { removePoints } from './remove-points.ts';
import { createPacker, type Packer, packedSamples, SAMPLE_HEADER } from './samples.ts';
import type { Tx } from './sequence.ts';
import { sweepHistory } from './sweep.ts';

/** One write, checked. */
export interface TelemetryItem {
  readonly entityId: string;
  readonly ts: number;
  readonly values: JsonObject;
  readonly text: string;
  readonly latest: boolean;
  readonly history: boolean;
}

/** A head of more bytes hands its samples to the history table; larger values would leave their LMDB page. */
const MAX_HEAD_BYTES = 1900;
/** A history record of more bytes is split. */
const MAX_RECORD_BYTES = 64 * 1024;
/** What an item weighs in the queue beside its text. */
const ITEM_BYTES = 64;

export interface TelemetryBatchParts {
  readonly purge: Pick<Purge, 'finish'>;
  /** Hears of an entity whose stored values cannot be read; a write starts them anew. */
  readonly onDamage: (entityId: string, error: unknown) => void;
}

export type TelemetryBatch = Batch<TelemetryItem>;

export function createTelemetryStore(
  environment: Environment,
  committer: Committer,
  batch: TelemetryBatch,
): TelemetryStore {
  const { heads, history } = environment.tables;
  const visible = (entityId: string): Promise<void> | undefined => {
    const id = entityId.toLowerCase();
    return committer.visible(batch, (item) => item.entityId === id);
  };
  async function range(query: RangeQuery): Promise<ReadonlyMap<string, readonly TimedValue[]>> {
    const id = idKey(query.entityId);
    const [startTs, endTs] = [clampTs(query.startTs), clampTs(query.endTs)];
    if (id === undefined || query.keys.length === 0 || query.limit < 1 || !(startTs < endTs)) return new Map();
    await visible(query.entityId);
    const snapshot = environment.snapshot();
    try {
      const head = heads.get(id, snapshot);
      return head === undefined
        ? new Map()
        : await readRange(history, { id, head, snapshot }, { ...query, startTs, endTs });
    } finally {
      snapshot.done();
    }
  }

  return {
    save(write) {
      try {
        const item = toItem(write);
        return committer.join(batch, item, item.text.length + ITEM_BYTES);
      } catch (error) {
        return Promise.reject(BrokerError.from(error, 'BAD_REQUEST'));
      }
    },
    async latest(entityId, keys) {
      const id = idKey(entityId);
      await visible(entityId);
      const head = id && heads.get(id);
      const values = new Map<string, TimedValue>();
      if (head === undefined) return values;
      const wanted = keys && new Set(keys);
      for (const fragment of fragments(head)) {
        const all = storedObject(fragment.text);
        for (const key of JSON.parse(fragment.keys) as string[]) {
          if (wanted === undefined || wanted.has(key)) values.set(key, { ts: fragment.ts, value: all[key] ?? null });
        }
      }
      return values;
    },
    range,
    remove: (query) => removePoints(environment, committer, query, range),
    async sweep(options) {
      await committer.visible(batch, () => true);
      return sweepHistory(environment, committer, options);
    },
  };
}

function toItem(write: TelemetryWrite): TelemetryItem {
  checkTs(write.ts);
  const { entityId, ts, values, text = stringifyJson(values), latest = true, history = true } = write;
  return { entityId: entityId.toLowerCase(), ts, values, text, latest, history };
}

/** Folds the samples of a group into one write per entity. */
export function createTelemetryBatch(
  { tables }: Environment,
  { purge, onDamage }: TelemetryBatchParts,
): TelemetryBatch & { readonly codec: Codec<TelemetryItem> } {
  const { heads, history } = tables;
  const key = Buffer.alloc(HISTORY_KEY_BYTES);
  const id = key.subarray(0, ID_BYTES);
  const packer = createPacker();

  function applyEntity(tx: Tx, entityId: string, items: readonly TelemetryItem[]): void {
    if (!writeId(entityId, id, 0)) return;
    const view = heads.view(id) ?? firstHead();
    if (view === undefined) return;
    const size = view === EMPTY_HEAD ? EMPTY_HEAD.length : heads.size();
    let start: number;
    let runs: Runs | undefined;
    try {
      const oldSamples = samplesStart(view);
      packLatest(view, oldSamples, items);
      start = packer.length;
      packer.copy(view, oldSamples, size);
      runs = packSamples(start, items);
    } catch (error) {
      // The damaged record is lost either way; it must not take the writes of all other devices with it.
      onDamage(entityId, error);
      packLatest(EMPTY_HEAD, HEAD_START, items);
      start = packer.length;
      runs = packSamples(start, items);
    }
    if (runs === undefined) {
      heads.put(id, packer.bytes());
    } else {
      putHistory(tx, runs);
      heads.put(id, packer.slice(0, start));
    }
  }

  /** Behind those that are packed from `start` on; answers what goes to the history when they are too many for a head. */
  function packSamples(start: number, items: readonly TelemetryItem[]): Runs | undefined {
    for (const { ts, text, history } of items) if (history) packer.sample(ts, text);
    return packer.length > MAX_HEAD_BYTES ? runsByBucket(packer.bytes(), start) : undefined;
  }

  /** Devices get their head when they are created, everything else with its first sample. */
  function firstHead(): Buffer | undefined {
    if (!isOtherEntity(tables, id)) return undefined;
    purge.finish(id);
    return EMPTY_HEAD;
  }

  function packLatest(head: Buffer, end: number, items: readonly TelemetryItem[]): void {
    const newest = newestOf(items);
    if (newest === undefined) {
      packer.reset();
      packer.copy(head, 0, end);
      return;
    }
    if (items.every((item) => item === newest || !item.latest || covers(newest.values, item.values))) {
      const keys = keysText(newest.values);
      const ts = end === HEAD_START ? Number.NEGATIVE_INFINITY : soleFragmentTs(head, end, keys);
      if (ts !== undefined && ts <= newest.ts) {
        packer.reset();
        packer.skip(HEAD_START);
        packer.number(newest.ts);
        packer.text(keys);
        packer.text(newest.text);
        sealFragments(packer);
        return;
      }
    }
    const old = [...fragments(head)];
    packFragments(
      packer,
      mergeLatest(
        old,
        items.filter((item) => item.latest),
      ),
    );
  }

  /** One record per hour or more. */
  function putHistory(tx: Tx, runs: Runs): void {
    for (const [bucket, parts] of runs) {
      for (const { from, to } of parts) {
        writeHistoryKey(key, bucket, tx.nextSequence());
        history.put(key, packer.slice(from, to));
      }
    }
  }

  return {
    apply(tx, items) {
      const byEntity = new Map<string, TelemetryItem[]>();
      for (const item of items) {
        const list = byEntity.get(item.entityId);
        if (list === undefined) byEntity.set(item.entityId, [item]);
        else list.push(item);
      }
      for (const [entityId, list] of byEntity) applyEntity(tx, entityId, list);
    },
    codec: telemetryCodec,
  };
}

/** Stretches of packed samples by their hour, none longer than a record may be. */
type Runs = ReadonlyMap<number, readonly { readonly from: number; readonly to: number }[]>;

function runsByBucket(record: Buffer, start: number): Runs {
  const byBucket = new Map<number, { from: number; to: number }[]>();
  for (const sample of packedSamples(record, start)) {
    const bucket = bucketOf(sample.ts);
    const runs = byBucket.get(bucket);
    const last = runs?.at(-1);
    if (last?.to === sample.from && sample.to - last.from <= MAX_RECORD_BYTES) last.to = sample.to;
    else if (runs === undefined) byBucket.set(bucket, [{ from: sample.from, to: sample.to }]);
    else runs.push({ from: sample.from, to: sample.to });
  }
  return byBucket;
}

const LATEST = 1;
const HISTORY = 2;

function packItem(packer: Packer, { entityId, ts, text, latest, history }: TelemetryItem): void {
  packer.text(entityId);
  packer.byte((latest ? LATEST : 0) | (history ? HISTORY : 0));
  packer.sample(ts, text);
}

function unpackItems(bytes: Buffer): TelemetryItem[] {
  const items: TelemetryItem[] = [];
  for (let at = 0; at < bytes.length; ) {
    const idEnd = at + 4 + bytes.readUInt32BE(at);
    const entityId = bytes.toString('utf8', at + 4, idEnd);
    const flags = bytes.readUInt8(idEnd);
    const ts = bytes.readDoubleBE(idEnd + 1);
    const textAt = idEnd + 1 + SAMPLE_HEADER;
    at = textAt + bytes.readUInt32BE(textAt - 4);
    const text = bytes.toString('utf8', textAt, at);
    const values = storedObject(text);
    items.push({ entityId, ts, values, text, latest: (flags & LATEST) !== 0, history: (flags & HISTORY) !== 0 });
  }
  return items;
}

/** Each item: length and text of the entity's id, flags (byte), time (double), length and JSON text of its values. */
export const telemetryCodec: Codec<TelemetryItem> = { pack: packItem, unpack: unpackItems };

/** The item that is the latest of its own keys whatever the others hold: highest time, then last written. */
function newestOf(items: readonly TelemetryItem[]): TelemetryItem | undefined {
  let newest: TelemetryItem | undefined;
  for (const item of items) if (item.latest && (newest === undefined || item.ts >= newest.ts)) newest = item;
  return newest;
}
