import type { AttachmentEvent, AttachmentHistoryEntry } from '../../model/attachment.ts';
import { publicAttachment, relationsOf, type StoredAttachment, type StoredHistoryEntry } from '../stored-attachment.ts';
import type { Tables } from './environment.ts';
import { closedUtf8, joinKey, newIdKey, prefixEnd, sequenceKey, textKey, utf8 } from './keys.ts';
import { getJson, jsonOf, putJson } from './records.ts';
import { dropRelation, putRelation } from './relations.ts';
import type { Tx } from './sequence.ts';

export const supplyPointPrefix = (hash: string): Buffer => closedUtf8(hash);

/** Keys of the indexes that list attachments by device name. */
function indexKeys(attachment: StoredAttachment): { name: Buffer; supplyPoint: Buffer; supplier: Buffer } {
  const name = utf8(attachment.device.name);
  return {
    name: textKey(attachment.device.name),
    supplyPoint: joinKey(supplyPointPrefix(attachment.supplyPointHash), name),
    supplier: joinKey(newIdKey(attachment.supplier.id), name),
  };
}

/** Record, indexes and relations of an attachment whose assets exist. */
export function writeAttachment(tables: Tables, id: Buffer, stored: StoredAttachment): void {
  const keys = indexKeys(stored);
  putJson(tables.attachments, id, stored);
  tables.attachmentsByName.put(keys.name, id);
  tables.attachmentsBySupplyPoint.put(keys.supplyPoint, id);
  tables.attachmentsBySupplier.put(keys.supplier, id);
  for (const relation of relationsOf(stored)) putRelation(tables, relation);
}

export interface Ending {
  readonly id: Buffer;
  readonly event: AttachmentEvent;
  readonly now: number;
  readonly by: string;
}

/** Inside a transaction: removes record, indexes and relations of the active attachment and writes the history line. */
export function endAttachment(tables: Tables, tx: Tx, ending: Ending): StoredAttachment | undefined {
  const stored = getJson<StoredAttachment>(tables.attachments, ending.id);
  if (stored === undefined) return undefined;
  const keys = indexKeys(stored);
  tables.attachments.remove(ending.id);
  tables.attachmentsByName.remove(keys.name);
  tables.attachmentsBySupplyPoint.remove(keys.supplyPoint);
  tables.attachmentsBySupplier.remove(keys.supplier);
  for (const relation of relationsOf(stored)) dropRelation(tables, relation);
  addHistory(tables, tx, stored, ending);
  return stored;
}

export function addHistory(tables: Tables, tx: Tx, attachment: StoredAttachment, { id, event, now, by }: Ending): void {
  const entry: StoredHistoryEntry = { event, at: now, attachment, by };
  putJson(tables.attachmentHistory, historyKey(id, tx.nextSequence()), entry);
}

/** Lines of a device stand in the order of their sequence. */
export const historyKey = (id: Buffer, sequence: number): Buffer => joinKey(id, sequenceKey(sequence));

export function listHistory({ attachmentHistory }: Tables, id: Buffer): readonly AttachmentHistoryEntry[] {
  const entries: AttachmentHistoryEntry[] = [];
  for (const { value } of attachmentHistory.entries({ from: id, to: prefixEnd(id) })) {
    const stored = jsonOf<StoredHistoryEntry>(value);
    entries.push({ ...stored, attachment: publicAttachment(stored.attachment) });
  }
  return entries;
}

/** What stays of a deleted device's history names its supply points by their keyed hashes only (cups.md 7). */
export function forgetSupplyPoints({ attachmentHistory }: Tables, id: Buffer): void {
  const entries = [...attachmentHistory.entries({ from: id, to: prefixEnd(id) })];
  for (const { key, value } of entries) {
    const stored = jsonOf<StoredHistoryEntry>(value);
    const { scheme } = stored.attachment.supplyPoint;
    const supplyPoint = { scheme, stem: `hmac:${stored.attachment.supplyPointHash}` };
    putJson(attachmentHistory, key, { ...stored, attachment: { ...stored.attachment, supplyPoint } });
  }
}
