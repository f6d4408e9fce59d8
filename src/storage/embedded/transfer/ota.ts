import type { DeviceId, OtaPackageId } from '../../../model/ids.ts';
import type { OtaPackage } from '../../../model/ota.ts';
import type { ProfileOta } from '../../ota-store.ts';
import type { Sections } from '../../transfer.ts';
import { ID_BYTES, idText, newIdKey, textKey } from '../keys.ts';
import {
  blockKey,
  type DeviceChoices,
  deviceUser,
  moveUser,
  otaNameKey,
  profileUser,
  putChoices,
} from '../ota-records.ts';
import { jsonOf, putJson } from '../records.ts';
import { entriesOf, section, type TransferParts } from './section.ts';

type Names = 'otaPackages' | 'otaBlocks' | 'otaDevices' | 'otaProfiles';

/** Packages, their binaries, and who has which. */
export function otaSections(parts: TransferParts): Pick<Sections, Names> {
  const { tables } = parts.environment;
  return {
    otaPackages: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.otaPackages)) yield jsonOf<OtaPackage>(value);
      },
      (_, entry) => {
        const id = newIdKey(entry.id);
        putJson(tables.otaPackages, id, entry);
        tables.otaNames.put(otaNameKey(entry), id);
      },
    ),
    otaBlocks: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.otaBlocks)) {
          const at = key.readUInt32BE(ID_BYTES);
          yield { id: idText(key) as OtaPackageId, at, bytes: value.toString('base64') };
        }
      },
      (_, { id, at, bytes }) => tables.otaBlocks.put(blockKey(newIdKey(id), at), Buffer.from(bytes, 'base64')),
    ),
    otaDevices: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.otaDevices)) {
          yield { deviceId: idText(key) as DeviceId, ...jsonOf<DeviceChoices>(value) };
        }
      },
      (_, { deviceId, ...choices }) => {
        const device = newIdKey(deviceId);
        putChoices(tables, device, choices);
        for (const id of Object.values(choices.assigned)) moveUser(tables, deviceUser(device), undefined, id);
      },
    ),
    otaProfiles: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.otaProfiles)) yield jsonOf<ProfileOta>(value);
      },
      (_, entry) => {
        putJson(tables.otaProfiles, textKey(entry.profile), entry);
        for (const id of Object.values(entry.assigned)) moveUser(tables, profileUser(entry.profile), undefined, id);
      },
    ),
  };
}
