import type { TelemetryStore } from '../telemetry-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { samplesStart } from './head.ts';
import { bucketInKey, bucketKey, bucketOf, clampTs } from './history.ts';
import { ID_BYTES, idKey, idText, prefixEnd } from './keys.ts';
import { packedSamples } from './samples.ts';

/** History records that one transaction looks at. */
const RECORDS_PER_STEP = 500;
/** Entities whose transactions may share a commit. */
const ENTITIES_AT_ONCE = 32;

type SweepOptions = Parameters<TelemetryStore['sweep']>[0];

/** Drops old samples entity by entity; the cursor is the last one that was done. */
export async function sweepHistory(
  { tables }: Environment,
  committer: Committer,
  { now, keepMs, cursor, maxEntities }: SweepOptions,
): Promise<{ removed: number; cursor?: string }> {
  const last = cursor === undefined ? undefined : idKey(cursor);
  const from = last === undefined ? Buffer.from([0]) : prefixEnd(last);
  const span = { from, to: Buffer.alloc(ID_BYTES + 1, 0xff), limit: Math.max(1, maxEntities) };
  const ids = [...tables.heads.keys(span)];
  let removed = 0;
  for (let at = 0; at < ids.length; at += ENTITIES_AT_ONCE) {
    const group = ids.slice(at, at + ENTITIES_AT_ONCE);
    const counts = await Promise.all(group.map((id) => sweepEntity(tables, committer, id, { now, keepMs })));
    for (const count of counts) removed += count;
  }
  const end = ids.at(-1);
  return ids.length < span.limit || end === undefined ? { removed } : { removed, cursor: idText(end) };
}

async function sweepEntity(
  tables: Tables,
  committer: Committer,
  id: Buffer,
  { now, keepMs }: Pick<SweepOptions, 'now' | 'keepMs'>,
): Promise<number> {
  const keep = await keepMs(idText(id));
  if (keep === undefined) return 0;
  const limit = clampTs(now - keep);
  if (!hasOlder(tables, id, limit)) return 0;
  let removed = 0;
  for (let from: Buffer | undefined = id; from !== undefined; ) {
    const start: Buffer = from;
    const step = await committer.run(() => dropStep(tables, { id, from: start, limit }), { ordered: true });
    removed += step.removed;
    from = step.next;
  }
  return removed;
}

/** Whether there are samples before `limit`: spares a device that has none its transaction. */
function hasOlder({ heads, history }: Tables, id: Buffer, limit: number): boolean {
  const bucket = bucketOf(limit);
  for (const { key, value } of history.entries({ from: id, to: bucketKey(id, bucket + 1) })) {
    if (bucketInKey(key) < bucket || hasOlderSample(value, 0, limit)) return true;
  }
  const head = heads.get(id);
  return head !== undefined && hasOlderSample(head, samplesStart(head), limit);
}

function hasOlderSample(record: Buffer, start: number, limit: number): boolean {
  for (const sample of packedSamples(record, start)) if (sample.ts < limit) return true;
  return false;
}

interface Step {
  readonly removed: number;
  /** Where to go on; undefined when the device is done. */
  readonly next?: Buffer;
}

function dropStep({ heads, history }: Tables, what: { id: Buffer; from: Buffer; limit: number }): Step {
  const { id, from, limit } = what;
  const records = [...history.entries({ from, to: bucketKey(id, bucketOf(limit) + 1), limit: RECORDS_PER_STEP })];
  let removed = 0;
  for (const { key, value } of records) {
    const kept = keptSamples(value, 0, limit);
    removed += kept.removed;
    if (kept.bytes.length === 0) history.remove(key);
    else if (kept.removed > 0) history.put(key, kept.bytes);
  }
  const last = records.at(-1)?.key;
  if (records.length === RECORDS_PER_STEP && last !== undefined) return { removed, next: prefixEnd(last) };
  const head = heads.get(id);
  if (head === undefined) return { removed };
  const start = samplesStart(head);
  const kept = keptSamples(head, start, limit);
  if (kept.removed > 0) heads.put(id, Buffer.concat([head.subarray(0, start), kept.bytes]));
  return { removed: removed + kept.removed };
}

function keptSamples(record: Buffer, start: number, limit: number): { bytes: Buffer; removed: number } {
  const parts: Buffer[] = [];
  let removed = 0;
  for (const sample of packedSamples(record, start)) {
    if (sample.ts < limit) removed++;
    else parts.push(record.subarray(sample.from, sample.to));
  }
  return { bytes: Buffer.concat(parts), removed };
}
