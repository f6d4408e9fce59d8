import type { StoredCredentials } from '../../model/device.ts';
import type { DeviceId } from '../../model/ids.ts';
import type { Draft } from './commit.ts';
import { isId, KEYS } from './keys.ts';
import { recordOf } from './names.ts';
import type { Queue } from './queue.ts';
import { jsonOf } from './records.ts';
import { loadScript } from './scripts.ts';

const FIND = loadScript('find-credentials');

type Kept = Omit<StoredCredentials, 'deviceId'>;

/** What a device has, as one record: its id stands in the index. */
interface CredentialsRecord {
  readonly present: Kept;
  readonly former?: Kept;
}

const whole = (deviceId: DeviceId, kept: Kept | undefined): StoredCredentials | undefined =>
  kept && { deviceId, ...kept };

function kept({ deviceId: _, ...rest }: StoredCredentials): Kept {
  return rest;
}

export interface DeviceCredentials {
  readonly present?: StoredCredentials;
  readonly former?: StoredCredentials;
}

export async function credentialsOf(queue: Queue, id: DeviceId): Promise<DeviceCredentials> {
  return publicOf(id, await recordOf<CredentialsRecord>(queue, KEYS.credentials, id));
}

/** The same of a record that has been read. */
export const credentialsOfText = (id: DeviceId, text: string | undefined): DeviceCredentials =>
  publicOf(id, text === undefined ? undefined : jsonOf<CredentialsRecord>(text));

function publicOf(id: DeviceId, record: CredentialsRecord | undefined): DeviceCredentials {
  const [present, former] = [whole(id, record?.present), whole(id, record?.former)];
  return { ...(present ? { present } : {}), ...(former ? { former } : {}) };
}

/** Present or former credentials of this index. @param decoy read in vain when there are none, in the same time. */
export async function credentialsByIndex(
  queue: Queue,
  index: string,
  decoy: DeviceId | undefined,
): Promise<StoredCredentials | undefined> {
  const keys = [KEYS.credentialsByIndex, KEYS.credentials];
  const [id = '', text = ''] = (await queue.scriptForLogin(FIND, keys, [index, decoy ?? ''])) as readonly string[];
  if (text === '') return undefined;
  const { present, former } = credentialsOfText(id as DeviceId, text);
  return id === '' ? undefined : [present, former].find((one) => one?.index === index);
}

/** Within the step that creates the device; that the index is free is another check of it. */
export function writeCredentials(
  draft: Draft,
  id: DeviceId,
  present: StoredCredentials,
  former?: StoredCredentials,
): void {
  const record: CredentialsRecord = { present: kept(present), ...(former ? { former: kept(former) } : {}) };
  draft.write('hset', KEYS.credentials, id, JSON.stringify(record));
  for (const one of [present, former]) if (one) draft.write('hset', KEYS.credentialsByIndex, one.index, id);
}

/** Within a step: gives what the device's credentials were, without `sealed` in what is kept. */
export async function unseal(draft: Draft, id: DeviceId): Promise<StoredCredentials | undefined> {
  const record = await draft.record<CredentialsRecord>(KEYS.credentials, id);
  if (record === undefined) return undefined;
  const { sealed, ...present } = record.present;
  if (sealed !== undefined) draft.write('hset', KEYS.credentials, id, JSON.stringify({ ...record, present }));
  return whole(id, record.present);
}

export async function replaceCredentials(
  draft: Draft,
  next: StoredCredentials,
  keepFormerUntil: number | undefined,
): Promise<'replaced' | 'credentials-taken' | 'unknown-device'> {
  const id = next.deviceId;
  if (!isId(id)) return 'unknown-device';
  const [device, holder, record] = await Promise.all([
    draft.has(KEYS.devices, id),
    draft.field(KEYS.credentialsByIndex, next.index),
    draft.record<CredentialsRecord>(KEYS.credentials, id),
  ]);
  if (!device) return 'unknown-device';
  if (holder !== undefined && holder !== id) return 'credentials-taken';
  dropIndexes(draft, record);
  const former = formerOf(record?.present, next, keepFormerUntil);
  if (former !== undefined) draft.write('hset', KEYS.credentialsByIndex, former.index, id);
  const wanted: CredentialsRecord = { present: kept(next), ...(former === undefined ? {} : { former }) };
  draft.write('hset', KEYS.credentials, id, JSON.stringify(wanted));
  draft.write('hset', KEYS.credentialsByIndex, next.index, id);
  return 'replaced';
}

/** Within a step. */
export async function presentOf(draft: Draft, id: DeviceId): Promise<StoredCredentials | undefined> {
  return whole(id, (await draft.record<CredentialsRecord>(KEYS.credentials, id))?.present);
}

/** Within a step: by credentials of the same index. */
export async function replacePresent(draft: Draft, id: DeviceId, next: StoredCredentials): Promise<void> {
  const record = await draft.record<CredentialsRecord>(KEYS.credentials, id);
  draft.write('hset', KEYS.credentials, id, JSON.stringify({ ...record, present: kept(next) }));
}

/** What is kept of the credentials that `next` takes the place of. */
function formerOf(present: Kept | undefined, next: Kept, keepUntil: number | undefined): Kept | undefined {
  if (present === undefined || keepUntil === undefined || present.index === next.index) return undefined;
  const { sealed: _, ...former } = present;
  return { ...former, expiresAt: Math.min(keepUntil, present.expiresAt ?? keepUntil) };
}

/** The present ones stay as a record that has ended, so that they cannot become another device's. */
export async function endCredentials(
  draft: Draft,
  id: DeviceId,
  which: 'former' | 'all',
  now: number,
): Promise<boolean> {
  const record = isId(id) ? await draft.record<CredentialsRecord>(KEYS.credentials, id) : undefined;
  if (record === undefined) return false;
  const { present, former } = record;
  const ends = which === 'all' && (present.expiresAt === undefined || present.expiresAt > now);
  if (former !== undefined) draft.write('hdel', KEYS.credentialsByIndex, former.index);
  if (!ends && former === undefined) return false;
  const next: CredentialsRecord = { present: ends ? { ...present, expiresAt: now } : present };
  draft.write('hset', KEYS.credentials, id, JSON.stringify(next));
  return true;
}

/** Within the step that deletes the device. */
export async function dropCredentials(draft: Draft, id: DeviceId): Promise<void> {
  dropIndexes(draft, await draft.record<CredentialsRecord>(KEYS.credentials, id));
  draft.write('hdel', KEYS.credentials, id);
}

function dropIndexes(draft: Draft, record: CredentialsRecord | undefined): void {
  for (const one of [record?.present, record?.former]) {
    if (one !== undefined) draft.write('hdel', KEYS.credentialsByIndex, one.index);
  }
}
