import { stringifyJson } from '../../model/json.ts';
import type { DeadLetter } from '../record-stores.ts';
import type { Tables } from './environment.ts';
import { digestKey, ID_BYTES, idKey, joinKey, prefixEnd, sequenceKey } from './keys.ts';
import { adjustCounter, NOTHING, readCounter } from './records.ts';
import { storedObject } from './samples.ts';
import type { Tx } from './sequence.ts';

export const DEAD_LETTERS = 'dead-letters';
const LETTERS_PER_STEP = 500;

/** Dead letters stand in the order they came; ids may be any text, so the index has their digest. */
export function putDeadLetter(tables: Tables, tx: Tx, letter: DeadLetter, max: number): void {
  const device = idKey(letter.deviceId);
  if (device === undefined || !tables.devices.has(device)) return;
  dropDeadLetter(tables, letter.id);
  const at = sequenceKey(tx.nextSequence());
  tables.deadLetters.put(at, packLetter(letter));
  tables.deadLetterIds.put(digestKey(letter.id), at);
  tables.deadLettersByDevice.put(joinKey(device, at), NOTHING);
  adjustCounter(tables.counters, DEAD_LETTERS, 1);
  const surplus = readCounter(tables.counters, DEAD_LETTERS) - max;
  if (surplus <= 0) return;
  const oldest = [...tables.deadLetters.keys({ from: sequenceKey(0), to: Buffer.alloc(7, 0xff), limit: surplus })];
  for (const key of oldest) dropLetterAt(tables, key);
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
  const device = idKey(letter.deviceId);
  tables.deadLetters.remove(at);
  tables.deadLetterIds.remove(digestKey(letter.id));
  if (device !== undefined) tables.deadLettersByDevice.remove(joinKey(device, at));
  adjustCounter(tables.counters, DEAD_LETTERS, -1);
}

export function dropDeadLettersOf(tables: Tables, device: Buffer): void {
  const span = { from: device, to: prefixEnd(device), limit: LETTERS_PER_STEP };
  const read = (): Buffer[] => [...tables.deadLettersByDevice.keys(span)];
  for (let keys = read(); keys.length > 0; keys = read()) {
    for (const key of keys) dropLetterAt(tables, key.subarray(ID_BYTES));
  }
}

/** The message keeps the exact text of its numbers. */
function packLetter(letter: DeadLetter): Buffer {
  return Buffer.from(stringifyJson(letter as unknown as Parameters<typeof stringifyJson>[0]), 'utf8');
}

export const unpackLetter = (bytes: Buffer): DeadLetter =>
  storedObject(bytes.toString('utf8')) as unknown as DeadLetter;
