import type { DeviceId } from '../../../model/ids.ts';
import type { OtaPackage } from '../../../model/ota.ts';
import { OTA_BLOCK_BYTES, type ProfileOta } from '../../ota-store.ts';
import type { Sections } from '../../transfer.ts';
import { KEYS, newId, otaBlocksKey } from '../keys.ts';
import { nameOf } from '../ota-store.ts';
import { type DeviceChoices, deviceUser, moveUser, profileUser, putChoices } from '../ota-users.ts';
import type { Queue } from '../queue.ts';
import { jsonOf } from '../records.ts';
import { idPages, section, type TransferParts, textsOf } from './section.ts';

type Names = 'otaPackages' | 'otaBlocks' | 'otaDevices' | 'otaProfiles';

/** Blocks that are read at once. */
const BLOCKS_AT_ONCE = 16;

/** Packages, their binaries, and who has which. */
export function otaSections(parts: TransferParts): Pick<Sections, Names> {
  const { queue } = parts;
  return {
    otaPackages: section(
      parts,
      async function* () {
        yield* await packagesOf(queue);
      },
      (draft, entry) => {
        draft.write('hset', KEYS.otaPackages, newId(entry.id), JSON.stringify(entry));
        draft.write('hset', KEYS.otaNames, nameOf(entry), entry.id);
      },
    ),
    otaBlocks: section(
      parts,
      async function* () {
        for (const { id, content } of await packagesOf(queue)) {
          const count = content === undefined ? await openBlocks(queue, id) : content.size / OTA_BLOCK_BYTES;
          for (let from = 0; from < count; from += BLOCKS_AT_ONCE) {
            const places = Array.from({ length: BLOCKS_AT_ONCE }, (_, at) => from + at);
            const words = [otaBlocksKey(id), ...places];
            const found = (await queue.sendBuffer('hmget', words)) as readonly (Buffer | null)[];
            for (const [index, at] of places.entries()) {
              const bytes = found[index];
              if (bytes) yield { id, at, bytes: bytes.toString('base64') };
            }
          }
        }
      },
      (draft, { id, at, bytes }) => draft.write('hset', otaBlocksKey(id), at, Buffer.from(bytes, 'base64')),
    ),
    otaDevices: section(
      parts,
      async function* () {
        for await (const ids of idPages(queue, KEYS.deviceNames)) {
          for (const [id, text] of await textsOf(queue, KEYS.otaDevices, ids)) {
            yield { deviceId: id as DeviceId, ...jsonOf<DeviceChoices>(text) };
          }
        }
      },
      (draft, { deviceId, ...choices }) => {
        putChoices(draft, deviceId, choices);
        for (const id of Object.values(choices.assigned)) moveUser(draft, deviceUser(deviceId), undefined, id);
      },
    ),
    otaProfiles: section(
      parts,
      async function* () {
        for (const text of (await queue.send('hvals', [KEYS.otaProfiles])) as readonly string[]) {
          yield jsonOf<ProfileOta>(text);
        }
      },
      (draft, entry) => {
        draft.write('hset', KEYS.otaProfiles, entry.profile, JSON.stringify(entry));
        for (const id of Object.values(entry.assigned)) moveUser(draft, profileUser(entry.profile), undefined, id);
      },
    ),
  };
}

const packagesOf = async (queue: Queue): Promise<readonly OtaPackage[]> =>
  ((await queue.send('hvals', [KEYS.otaPackages])) as readonly string[]).map((text) => jsonOf<OtaPackage>(text));

/** Of an upload under way: one more than the number of its last block. */
async function openBlocks(queue: Queue, id: string): Promise<number> {
  const places = (await queue.send('hkeys', [otaBlocksKey(id)])) as readonly string[];
  return places.reduce((most, place) => Math.max(most, Number(place) + 1), 0);
}
