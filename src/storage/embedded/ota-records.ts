import type { OtaPackageId } from '../../model/ids.ts';
import type { OtaChoice, OtaContent, OtaKind, OtaPackage } from '../../model/ota.ts';
import { OTA_BLOCK_BYTES, type ProfileOta } from '../ota-store.ts';
import type { Tables } from './environment.ts';
import { idKey, joinKey, newIdKey, prefixEnd, textKey } from './keys.ts';
import { getJson, NOTHING, putJson, removeRange } from './records.ts';

/** What a device record holds; its key is the device's id. */
export interface DeviceChoices {
  readonly assigned: OtaChoice;
  readonly announced: OtaChoice;
}

const NONE: DeviceChoices = { assigned: {}, announced: {} };
const KIND_BYTES = { firmware: 1, software: 2 } as const satisfies Record<OtaKind, number>;
/** First byte of a user behind the package: a device's id follows, or a profile's name. */
const DEVICE_USER = Buffer.from([1]);
const PROFILE_USER = Buffer.from([2]);

export const otaNameKey = ({ kind, title, version }: OtaPackage): Buffer =>
  textKey(`${KIND_BYTES[kind]}${JSON.stringify([title, version])}`);

export function blockKey(id: Buffer, at: number): Buffer {
  const tail = Buffer.allocUnsafe(4);
  tail.writeUInt32BE(at, 0);
  return joinKey(id, tail);
}

export const packageAt = ({ otaPackages }: Tables, id: OtaPackageId): OtaPackage | undefined => {
  const key = idKey(id);
  return key && getJson<OtaPackage>(otaPackages, key);
};

/** Inside a transaction: an upload that is not there, or not finished, leaves nothing. */
export const dropBlocks = ({ otaBlocks }: Tables, key: Buffer): number =>
  removeRange(otaBlocks, { from: key, to: prefixEnd(key) });

export function putContent(tables: Tables, id: OtaPackageId, content: OtaContent): boolean {
  const entry = packageAt(tables, id);
  if (entry === undefined || entry.content !== undefined) return false;
  putJson(tables.otaPackages, newIdKey(id), { ...entry, content });
  return true;
}

export function readBlocks(tables: Tables, id: Buffer, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const at = offset + done;
    const block = tables.otaBlocks.get(blockKey(id, Math.floor(at / OTA_BLOCK_BYTES)));
    if (block === undefined) break;
    const from = at % OTA_BLOCK_BYTES;
    const copied = block.copy(bytes, done, from, Math.min(block.length, from + length - done));
    if (copied === 0) break;
    done += copied;
  }
  return bytes.subarray(0, done);
}

export const isUsed = ({ otaUsers }: Tables, id: Buffer): boolean =>
  otaUsers.count({ from: id, to: prefixEnd(id), limit: 1 }) > 0;

export const choicesAt = ({ otaDevices }: Tables, device: Buffer): DeviceChoices =>
  getJson<DeviceChoices>(otaDevices, device) ?? NONE;

export function putChoices({ otaDevices }: Tables, device: Buffer, next: DeviceChoices): void {
  const empty = Object.keys(next.assigned).length === 0 && Object.keys(next.announced).length === 0;
  if (empty) otaDevices.remove(device);
  else putJson(otaDevices, device, next);
}

export const profileAt = ({ otaProfiles }: Tables, name: string): ProfileOta | undefined =>
  getJson<ProfileOta>(otaProfiles, textKey(name));

/** A copy in which `kind` is this package, or none. */
export function withChoice(choice: OtaChoice, kind: OtaKind, id: OtaPackageId | undefined): OtaChoice {
  const { [kind]: _, ...rest } = choice;
  return id === undefined ? rest : { ...rest, [kind]: id };
}

export const deviceUser = (device: Buffer): Buffer => joinKey(DEVICE_USER, device);
export const profileUser = (name: string): Buffer => joinKey(PROFILE_USER, Buffer.from(name, 'utf8'));

/** Keeps the index of who uses a package in step with a changed choice. */
export function moveUser(tables: Tables, user: Buffer, before?: OtaPackageId, after?: OtaPackageId): void {
  const former = before === undefined ? undefined : idKey(before);
  if (former !== undefined) tables.otaUsers.remove(joinKey(former, user));
  if (after !== undefined) tables.otaUsers.put(joinKey(newIdKey(after), user), NOTHING);
}

/** Inside the transaction that deletes a device. */
export function forgetOtaOf(tables: Tables, device: Buffer): void {
  const { assigned } = choicesAt(tables, device);
  for (const id of Object.values(assigned)) moveUser(tables, deviceUser(device), id);
  tables.otaDevices.remove(device);
}
