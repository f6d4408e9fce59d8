import type { AttachmentEvent, AttachmentHistoryEntry } from '../../model/attachment.ts';
import type { DeviceId } from '../../model/ids.ts';
import { publicAttachment, relationsOf, type StoredAttachment, type StoredHistoryEntry } from '../stored-attachment.ts';
import type { Draft } from './commit.ts';
import { closed, historyKey, isId, KEYS, suppliedKey } from './keys.ts';
import type { Queue } from './queue.ts';
import { jsonOf } from './records.ts';
import { dropRelation, writeRelation } from './relations.ts';

/** Members of the indexes that list attachments by device name. */
function membersOf({ device, supplyPointHash }: StoredAttachment): { readonly name: string; readonly point: string } {
  const name = `${closed(device.name)}${device.id}`;
  return { name, point: `${closed(supplyPointHash)}${name}` };
}

/** Record, indexes and relations, within a step. */
export function writeAttachment(draft: Draft, stored: StoredAttachment): void {
  const members = membersOf(stored);
  draft.write('hset', KEYS.attachments, stored.device.id, JSON.stringify(stored));
  draft.write('zadd', KEYS.attachmentNames, 0, members.name);
  draft.write('zadd', KEYS.attachmentPoints, 0, members.point);
  draft.write('zadd', suppliedKey(stored.supplier.id), 0, members.name);
  for (const relation of relationsOf(stored)) writeRelation(draft, relation);
}

export interface Ending {
  readonly id: string;
  readonly event: AttachmentEvent;
  readonly now: number;
  readonly by: string;
  /** The line is to name the supply point by its keyed hash only. */
  readonly forget?: boolean;
}

/** Within a step: removes record, indexes and relations of the active attachment and writes the history line. */
export async function endAttachment(draft: Draft, ending: Ending): Promise<StoredAttachment | undefined> {
  const stored = await draft.record<StoredAttachment>(KEYS.attachments, ending.id);
  if (stored === undefined) return undefined;
  const members = membersOf(stored);
  draft.write('hdel', KEYS.attachments, ending.id);
  draft.write('zrem', KEYS.attachmentNames, members.name);
  draft.write('zrem', KEYS.attachmentPoints, members.point);
  draft.write('zrem', suppliedKey(stored.supplier.id), members.name);
  for (const relation of relationsOf(stored)) dropRelation(draft, relation);
  addHistory(draft, ending.forget ? withoutSupplyPoint(stored) : stored, ending);
  return stored;
}

export function addHistory(draft: Draft, attachment: StoredAttachment, { id, event, now, by }: Ending): void {
  const entry: StoredHistoryEntry = { event, at: now, attachment, by };
  draft.write('rpush', historyKey(id), JSON.stringify(entry));
}

export async function listHistory(queue: Queue, id: DeviceId): Promise<readonly AttachmentHistoryEntry[]> {
  if (!isId(id)) return [];
  return (await storedHistory(queue, id)).map(({ attachment, ...entry }) => ({
    ...entry,
    attachment: publicAttachment(attachment),
  }));
}

/** The lines of a device, the oldest first. */
export async function storedHistory(queue: Queue, id: string): Promise<readonly StoredHistoryEntry[]> {
  const lines = (await queue.send('lrange', [historyKey(id), 0, -1])) as readonly string[];
  return lines.map((line) => jsonOf<StoredHistoryEntry>(line));
}

/** Lines that one command of a step writes. */
const LINES_PER_COMMAND = 500;

/**
 * What stays of a deleted device's history names its supply points by their keyed hashes only (cups.md 7). Within the step
 * that deletes the device, before it adds a line: the history grows only together with the record that is read first. False when
 * there is none.
 */
export async function forgetSupplyPoints(draft: Draft, queue: Queue, id: string): Promise<boolean> {
  await draft.field(KEYS.attachments, id);
  const entries = await storedHistory(queue, id);
  if (entries.length === 0) return false;
  const forgotten = entries.map((entry) => ({ ...entry, attachment: withoutSupplyPoint(entry.attachment) }));
  draft.write('del', historyKey(id));
  for (const words of historyLines(forgotten)) draft.write('rpush', historyKey(id), ...words);
  return true;
}

/** Entries as texts, so many together as one command takes. */
export function* historyLines(entries: readonly object[]): Generator<readonly string[]> {
  for (let at = 0; at < entries.length; at += LINES_PER_COMMAND) {
    yield entries.slice(at, at + LINES_PER_COMMAND).map((entry) => JSON.stringify(entry));
  }
}

function withoutSupplyPoint(stored: StoredAttachment): StoredAttachment {
  const { scheme } = stored.supplyPoint;
  return { ...stored, supplyPoint: { scheme, stem: `hmac:${stored.supplyPointHash}` } };
}
