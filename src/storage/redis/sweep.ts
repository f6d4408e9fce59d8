import { TENANT } from '../../model/entity.ts';
import type { TelemetryStore } from '../telemetry-store.ts';
import { dropChunks, filterChunk, type Keep, readChunks, readIndex, seal } from './chunks.ts';
import { chunkIndexKey, KEYS, openKey } from './keys.ts';
import { idOfMember } from './names.ts';
import type { Queue } from './queue.ts';
import { clampTs } from './range.ts';
import { loadScript } from './scripts.ts';

/** Chunks that one step removes. */
const CHUNKS_PER_STEP = 200;
/** Entities that are looked at together. */
const ENTITIES_AT_ONCE = 32;
const COUNT = loadScript('count-older');
/** Where entities are listed, one behind the other; the tenant comes last. */
const LISTS = [KEYS.deviceNames, KEYS.assetNames, KEYS.customerTitles];

type SweepOptions = Parameters<TelemetryStore['sweep']>[0];

/** Drops old samples entity by entity; the cursor is the number of a list and the last member that was done. */
export async function sweepHistory(
  queue: Queue,
  { now, keepMs, cursor, maxEntities }: SweepOptions,
): Promise<{ removed: number; cursor?: string }> {
  const { ids, next } = await nextEntities(queue, cursor, Math.max(1, maxEntities));
  let removed = 0;
  for (let at = 0; at < ids.length; at += ENTITIES_AT_ONCE) {
    const group = ids.slice(at, at + ENTITIES_AT_ONCE);
    const counts = await Promise.all(
      group.map(async (id) => {
        const keep = await keepMs(id);
        return keep === undefined ? 0 : sweepEntity(queue, id, clampTs(now - keep));
      }),
    );
    for (const count of counts) removed += count;
  }
  return next === undefined ? { removed } : { removed, cursor: next };
}

async function nextEntities(
  queue: Queue,
  cursor: string | undefined,
  count: number,
): Promise<{ readonly ids: readonly string[]; readonly next?: string }> {
  const colon = cursor?.indexOf(':') ?? -1;
  let after = cursor?.slice(colon + 1) ?? '';
  const ids: string[] = [];
  for (let list = Number(cursor?.slice(0, colon) ?? 0); ; list++) {
    const key = LISTS[list];
    if (key === undefined) return { ids: [...ids, TENANT.id] };
    const from = after === '' ? '-' : `(${after}`;
    const words = [key, from, '+', 'LIMIT', 0, count - ids.length];
    const members = (await queue.send('zrangebylex', words)) as readonly string[];
    ids.push(...members.map(idOfMember));
    const last = members.at(-1);
    if (ids.length >= count && last !== undefined) return { ids, next: `${list}:${last}` };
    after = '';
  }
}

async function sweepEntity(queue: Queue, id: string, limit: number): Promise<number> {
  const [chunks, open] = (await queue.script(COUNT, [openKey(id), chunkIndexKey(id)], [limit])) as [number, number];
  const keep: Keep = (sample) => (sample.ts < limit ? undefined : sample);
  let removed = open === 0 ? 0 : (await seal(queue, id, keep)).removed;
  if (chunks === 0) return removed;
  for (;;) {
    const page = await readIndex(queue, id, { from: '-inf', to: `(${limit}`, limit: CHUNKS_PER_STEP });
    const whole = page.filter(({ last }) => last < limit);
    if (whole.length > 0) removed += await dropChunks(queue, id, whole);
    const parts = page.filter(({ last }) => last >= limit);
    const bytes = await readChunks(queue, id, parts);
    for (const [at, entry] of parts.entries()) {
      const packed = bytes[at];
      if (packed !== undefined) removed += await filterChunk(queue, id, { entry, bytes: packed, keep });
    }
    if (page.length < CHUNKS_PER_STEP) return removed;
  }
}
