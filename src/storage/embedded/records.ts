import type { Page, PageQuery } from '../../model/entity.ts';
import { corrupt } from '../stored-json.ts';
import type { Span, Table } from './environment.ts';
import { textKey } from './keys.ts';

/** Records of plain JSON: no exact numbers, no secrets. */
export function putJson(table: Table, key: Buffer, record: object): void {
  table.put(key, Buffer.from(JSON.stringify(record), 'utf8'));
}

export function getJson<T>(table: Table, key: Buffer): T | undefined {
  const bytes = table.get(key);
  return bytes && jsonOf<T>(bytes);
}

export function jsonOf<T>(bytes: Buffer): T {
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch {
    throw corrupt('a record is not JSON');
  }
}

export const NOTHING: Buffer = Buffer.alloc(0);

/** Keys that one step of a removal reads before it removes them. */
const KEYS_PER_STEP = 1000;

/** Removes a range inside a transaction, in steps of bounded memory; gives how many there were, at most `limit`. */
export function removeRange(table: Table, span: Span, limit = Number.POSITIVE_INFINITY): number {
  let removed = 0;
  while (removed < limit) {
    const keys = [...table.keys({ ...span, limit: Math.min(KEYS_PER_STEP, limit - removed) })];
    for (const key of keys) table.remove(key);
    removed += keys.length;
    if (keys.length < KEYS_PER_STEP) break;
  }
  return removed;
}

/** A number that is kept up to date in the transactions that change what it counts. */
export function readCounter(counters: Table, name: string): number {
  const bytes = counters.view(textKey(name));
  return bytes === undefined ? 0 : bytes.readUIntBE(0, 6);
}

export function adjustCounter(counters: Table, name: string, delta: number): void {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(Math.max(0, readCounter(counters, name) + delta), 0, 6);
  counters.put(textKey(name), bytes);
}

/** One page of a range whose length is known. */
export function pageOf<T>(
  table: Table,
  span: Span,
  query: PageQuery & { readonly total: number; readonly toItem: (key: Buffer, value: Buffer) => T | undefined },
): Page<T> {
  const { page, pageSize, total, toItem } = query;
  const offset = page * pageSize;
  const data: T[] = [];
  if (offset < total && pageSize > 0) {
    for (const { key, value } of table.entries({ ...span, offset, limit: pageSize })) {
      const item = toItem(key, value);
      if (item !== undefined) data.push(item);
    }
  }
  return { data, totalElements: total, hasNext: offset + pageSize < total };
}

/** A page of what has been collected in order. */
export function pageOfList<T>(all: readonly T[], { page, pageSize }: PageQuery): Page<T> {
  const end = (page + 1) * pageSize;
  return { data: all.slice(page * pageSize, end), totalElements: all.length, hasNext: end < all.length };
}
