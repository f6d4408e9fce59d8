import { type JsonObject, stringifyJson } from '../../model/json.ts';
import { storedObject } from '../stored-json.ts';
import type { RemoveQuery, TelemetryStore } from '../telemetry-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { fragments, packFragments, samplesStart } from './head.ts';
import { bucketKey, bucketOf, clampTs } from './history.ts';
import { ID_BYTES, idKey, prefixEnd, SEQUENCE_BYTES } from './keys.ts';
import type { Fragment } from './latest.ts';
import { createPacker, type Packer, packedSamples, sampleValues } from './samples.ts';

/** History records that one transaction looks at: each may have to be written again. */
const RECORDS_PER_STEP = 100;

interface Removal {
  readonly id: Buffer;
  readonly keys: ReadonlySet<string>;
  readonly startTs: number;
  readonly endTs: number;
}

/** The port's `remove`: the head first, then the history record by record. */
export async function removePoints(
  { tables }: Environment,
  committer: Committer,
  query: RemoveQuery,
  range: TelemetryStore['range'],
): Promise<void> {
  const id = idKey(query.entityId);
  const [startTs, endTs] = [clampTs(query.startTs), clampTs(query.endTs)];
  if (id === undefined || query.keys.length === 0 || !(startTs < endTs)) return;
  const removal = { id, keys: new Set(query.keys), startTs, endTs };
  const packer = createPacker();
  // Records of a later sequence were written after the call: they stay.
  const { last, lost } = await committer.run(
    (tx) => ({ last: tx.nextSequence(), lost: removeFromHead(tables, packer, removal, query.latest !== 'keep') }),
    { ordered: true },
  );
  for (let from: Buffer | undefined = bucketKey(id, bucketOf(startTs)); from !== undefined; ) {
    const start: Buffer = from;
    from = await committer.run(() => removeStep(tables, packer, removal, { from: start, last }));
  }
  if (query.latest === 'rewrite' && lost.length > 0) {
    await rewriteLatest(tables, committer, { id, entityId: query.entityId, keys: lost, packer }, range);
  }
}

/** Samples and, when asked, latest values of the head; gives the keys that have no latest value any more. */
function removeFromHead({ heads }: Tables, packer: Packer, removal: Removal, latest: boolean): readonly string[] {
  const head = heads.get(removal.id);
  if (head === undefined) return [];
  const lost: string[] = [];
  const kept: Fragment[] = [];
  for (const fragment of fragments(head)) {
    const keys = JSON.parse(fragment.keys) as string[];
    const gone = latest && inRange(removal, fragment.ts) ? keys.filter((key) => removal.keys.has(key)) : [];
    if (gone.length === 0) {
      kept.push(fragment);
      continue;
    }
    lost.push(...gone);
    const left = keys.filter((key) => !removal.keys.has(key));
    if (left.length === 0) continue;
    const values = storedObject(fragment.text);
    const text = stringifyJson(Object.fromEntries(left.map((key) => [key, values[key] ?? null])));
    kept.push({ ts: fragment.ts, keys: JSON.stringify(left), text });
  }
  packFragments(packer, kept);
  packKept(packer, head, samplesStart(head), removal);
  heads.put(removal.id, packer.bytes());
  return lost;
}

/** Gives where to go on; undefined when everything has been seen. */
function removeStep(
  { history }: Tables,
  packer: Packer,
  removal: Removal,
  { from, last }: { readonly from: Buffer; readonly last: number },
): Buffer | undefined {
  const to = bucketKey(removal.id, bucketOf(removal.endTs - 1) + 1);
  const records = [...history.entries({ from, to, limit: RECORDS_PER_STEP })];
  for (const { key, value } of records) {
    if (key.readUIntBE(key.length - SEQUENCE_BYTES, SEQUENCE_BYTES) > last) continue;
    packer.reset();
    if (!packKept(packer, value, 0, removal)) continue;
    if (packer.length === 0) history.remove(key);
    else history.put(key, packer.bytes());
  }
  const end = records.at(-1)?.key;
  return records.length === RECORDS_PER_STEP && end !== undefined ? prefixEnd(end) : undefined;
}

/** Packs the samples without the removed values; false when there was nothing to remove. */
function packKept(packer: Packer, record: Buffer, start: number, removal: Removal): boolean {
  let changed = false;
  for (const sample of packedSamples(record, start)) {
    const values = inRange(removal, sample.ts) ? sampleValues(record, sample) : undefined;
    if (values === undefined || !Object.keys(values).some((key) => removal.keys.has(key))) {
      packer.copy(record, sample.from, sample.to);
      continue;
    }
    changed = true;
    const left = Object.entries(values).filter(([key]) => !removal.keys.has(key));
    if (left.length > 0) packer.sample(sample.ts, stringifyJson(Object.fromEntries(left) as JsonObject));
  }
  return changed;
}

const inRange = ({ startTs, endTs }: Removal, ts: number): boolean => ts >= startTs && ts < endTs;

/** Makes the newest point that is left of each key its latest value, unless a newer one has come meanwhile. */
async function rewriteLatest(
  { heads }: Tables,
  committer: Committer,
  what: { readonly id: Buffer; readonly entityId: string; readonly keys: readonly string[]; readonly packer: Packer },
  range: TelemetryStore['range'],
): Promise<void> {
  const { id, entityId, keys, packer } = what;
  const bounds = { startTs: -(2 ** 53), endTs: 2 ** 53, limit: 1, order: 'DESC' } as const;
  const left = await range({ entityId, keys, ...bounds });
  await committer.run(
    () => {
      const head = heads.get(id.subarray(0, ID_BYTES));
      if (head === undefined) return;
      const all = [...fragments(head)];
      const present = new Set(all.flatMap((fragment) => JSON.parse(fragment.keys) as string[]));
      for (const [key, [point]] of left) {
        if (point === undefined || present.has(key)) continue;
        all.push({ ts: point.ts, keys: JSON.stringify([key]), text: stringifyJson({ [key]: point.value }) });
      }
      const start = samplesStart(head);
      packFragments(packer, all);
      packer.copy(head, start, head.length);
      heads.put(id, packer.bytes());
    },
    { ordered: true },
  );
}
