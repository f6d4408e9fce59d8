import type { StoredCredentials } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import type { Table, Tables } from './environment.ts';
import { idKey, textKey } from './keys.ts';
import { getJson, putJson } from './records.ts';

const at = (table: Table, id: Buffer): StoredCredentials | undefined => getJson<StoredCredentials>(table, id);

/** Present or former credentials of this index. */
export function credentialsByIndexOf(tables: Tables, index: string): StoredCredentials | undefined {
  const id = tables.credentialsByIndex.get(textKey(index));
  if (id === undefined) return undefined;
  const present = at(tables.credentials, id);
  return present?.index === index ? present : at(tables.formerCredentials, id);
}

/** Inside a transaction. */
export function replaceCredentials(
  tables: Tables,
  next: StoredCredentials,
  keepFormerUntil: number | undefined,
): 'replaced' | 'credentials-taken' | 'unknown-device' {
  const id = idKey(next.deviceId);
  if (id === undefined || !tables.devices.has(id)) return 'unknown-device';
  const holder = tables.credentialsByIndex.get(textKey(next.index));
  if (holder !== undefined && !holder.equals(id)) return 'credentials-taken';
  const present = at(tables.credentials, id);
  dropCredentials(tables, id);
  if (present !== undefined && keepFormerUntil !== undefined && present.index !== next.index) {
    const expiresAt = Math.min(keepFormerUntil, present.expiresAt ?? keepFormerUntil);
    const { sealed: _, ...kept } = present;
    putJson(tables.formerCredentials, id, { ...kept, expiresAt });
    tables.credentialsByIndex.put(textKey(present.index), id);
  }
  putJson(tables.credentials, id, next);
  tables.credentialsByIndex.put(textKey(next.index), id);
  return 'replaced';
}

/** Inside a transaction. The present ones stay as a record that has ended, so that they cannot become another device's. */
export function endCredentials(tables: Tables, device: DeviceId, which: 'former' | 'all', now: number): boolean {
  const id = idKey(device);
  if (id === undefined) return false;
  const former = at(tables.formerCredentials, id);
  if (former !== undefined) {
    tables.formerCredentials.remove(id);
    tables.credentialsByIndex.remove(textKey(former.index));
  }
  const present = which === 'all' ? at(tables.credentials, id) : undefined;
  const ends = present !== undefined && (present.expiresAt === undefined || present.expiresAt > now);
  if (ends) putJson(tables.credentials, id, { ...present, expiresAt: now });
  return former !== undefined || ends;
}

/** Inside a transaction: all that the device has. */
export function dropCredentials(tables: Tables, id: Buffer): void {
  for (const table of [tables.credentials, tables.formerCredentials]) {
    const stored = at(table, id);
    if (stored === undefined) continue;
    tables.credentialsByIndex.remove(textKey(stored.index));
    table.remove(id);
  }
}
