import type { EntityId, Page } from '../../model/entity.ts';
import { stringifyJson } from '../../model/json.ts';
import { type DeadLetter, type DeadLetterQuery, isTooLate } from '../record-stores.ts';
import { storedObject } from '../stored-json.ts';
import { hasEntity } from './entities.ts';
import type { Span, Tables } from './environment.ts';
import { digestKey, entityKey, joinKey, prefixEnd, SEQUENCE_BYTES, sequenceKey } from './keys.ts';
import { adjustCounter, NOTHING, readCounter } from './records.ts';
import type { Tx } from './sequence.ts';

export const DEAD_LETTERS = 'dead-letters';
const LETTERS_PER_STEP = 500;
/** After so many letters a search lets other work of the process run. */
const LETTERS_PER_TURN = 200;

/** Dead letters stand in the order they came; ids may be any text, so the index has their digest. Gives those that were forgotten. */
export function putDeadLetter(tables: Tables, tx: Tx, letter: DeadLetter, max: number): number {
  const originator = entityKey(letter.originator);
  if (originator === undefined || !hasEntity(tables, letter.originator)) return 0;
  dropDeadLetter(tables, letter.id);
  const at = sequenceKey(tx.nextSequence());
  tables.deadLetters.put(at, packLetter(letter));
  tables.deadLetterIds.put(digestKey(letter.id), at);
  tables.deadLettersOf.put(joinKey(originator, at), NOTHING);
  adjustCounter(tables.counters, DEAD_LETTERS, 1);
  const surplus = readCounter(tables.counters, DEAD_LETTERS) - max;
  if (surplus <= 0) return 0;
  const oldest = [...tables.deadLetters.keys({ from: sequenceKey(0), to: Buffer.alloc(7, 0xff), limit: surplus })];
  for (const key of oldest) dropLetterAt(tables, key);
  return oldest.length;
}

export function dropDeadLetter(tables: Tables, id: string): boolean {
  const at = tables.deadLetterIds.get(digestKey(id));
  if (at === undefined) return false;
  dropLetterAt(tables, at);
  return true;
}

function dropLetterAt(tables: Tables, at: Buffer): void {
  const bytes = tables.deadLetters.get(at);
  if (bytes === undefined) return;
  const letter = unpackLetter(bytes);
  const originator = entityKey(letter.originator);
  tables.deadLetters.remove(at);
  tables.deadLetterIds.remove(digestKey(letter.id));
  if (originator !== undefined) tables.deadLettersOf.remove(joinKey(originator, at));
  adjustCounter(tables.counters, DEAD_LETTERS, -1);
}

export function dropDeadLettersOf(tables: Tables, originator: EntityId): void {
  const key = entityKey(originator);
  if (key === undefined) return;
  const span = { from: key, to: prefixEnd(key), limit: LETTERS_PER_STEP };
  const read = (): Buffer[] => [...tables.deadLettersOf.keys(span)];
  for (let keys = read(); keys.length > 0; keys = read()) {
    for (const entry of keys) dropLetterAt(tables, entry.subarray(-SEQUENCE_BYTES));
  }
}

/** Those of an originator by its index, of all others each is read. */
export async function findDeadLetters(
  tables: Tables,
  { page, pageSize, oldestFirst = false, ...filter }: DeadLetterQuery,
): Promise<Page<DeadLetter>> {
  const originator = filter.originator && entityKey(filter.originator);
  if (filter.originator && originator === undefined) return { data: [], totalElements: 0, hasNext: false };
  const span: Span = originator
    ? { from: originator, to: prefixEnd(originator), reverse: !oldestFirst }
    : { from: sequenceKey(0), to: Buffer.alloc(SEQUENCE_BYTES + 1, 0xff), reverse: !oldestFirst };
  const table = originator ? tables.deadLettersOf : tables.deadLetters;
  const keys = [...table.keys(span)].map((key) => key.subarray(-SEQUENCE_BYTES));
  const reason = filter.reason?.toLowerCase();
  const data: DeadLetter[] = [];
  const from = page * pageSize;
  let found = 0;
  for (const [index, key] of keys.entries()) {
    if (index % LETTERS_PER_TURN === LETTERS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    const bytes = tables.deadLetters.get(key);
    const letter = bytes && unpackLetter(bytes);
    if (letter === undefined) continue;
    if (filter.chain !== undefined && letter.chain !== filter.chain) continue;
    if (filter.node !== undefined && letter.node !== filter.node) continue;
    if (isTooLate(letter, filter)) continue;
    if (reason !== undefined && !letter.reason.toLowerCase().includes(reason)) continue;
    if (found >= from && found < from + pageSize) data.push(letter);
    found++;
  }
  return { data, totalElements: found, hasNext: from + pageSize < found };
}

/** The message keeps the exact text of its numbers. */
function packLetter(letter: DeadLetter): Buffer {
  return Buffer.from(stringifyJson(letter as unknown as Parameters<typeof stringifyJson>[0]), 'utf8');
}

export const unpackLetter = (bytes: Buffer): DeadLetter =>
  storedObject(bytes.toString('utf8')) as unknown as DeadLetter;
