import { BrokerError } from '../../errors.ts';
import type { OtaPackageId } from '../../model/ids.ts';
import type { OtaChoice, OtaKind, OtaPackage } from '../../model/ota.ts';
import { OTA_BLOCK_BYTES, type OtaStore, type ProfileOta } from '../ota-store.ts';
import type { Commits, Draft } from './commit.ts';
import { isId, KEYS, newId, otaBlocksKey } from './keys.ts';
import { recordOf } from './names.ts';
import {
  choicesIn,
  type DeviceChoices,
  deviceUser,
  moveUser,
  NONE,
  profileUser,
  putChoices,
  withChoice,
} from './ota-users.ts';
import type { Queue } from './queue.ts';
import { jsonOf, pageOfList } from './records.ts';

/** In this process one step at a time changes packages and who has them. */
const SUBJECT = 'ota';

export const nameOf = ({ kind, title, version }: OtaPackage): string => JSON.stringify([kind, title, version]);
const packageIn = (draft: Draft, id: string): Promise<OtaPackage | undefined> =>
  draft.record<OtaPackage>(KEYS.otaPackages, id);

export function createOtaStore(queue: Queue, commits: Commits): OtaStore {
  const packageAt = (id: string): Promise<OtaPackage | undefined> => recordOf<OtaPackage>(queue, KEYS.otaPackages, id);
  const step = <T>(work: (draft: Draft) => Promise<T>, bytes?: number): Promise<T> => commits.run(SUBJECT, work, bytes);
  /** Runs `work` when there is such a package, and no content yet. */
  const withoutContent = (id: string, work: (draft: Draft, entry: OtaPackage) => void, bytes?: number) =>
    step(async (draft) => {
      const entry = await packageIn(draft, id);
      if (entry === undefined || entry.content !== undefined) return false;
      work(draft, entry);
      return true;
    }, bytes);

  return {
    create: (entry) => step((draft) => create(draft, entry)),
    package: packageAt,
    async packages({ kind, textSearch = '', fitsProfile, ...query }) {
      const part = textSearch.toLowerCase();
      const fits = ({ profile = fitsProfile, content, url }: OtaPackage): boolean =>
        fitsProfile === undefined || (profile === fitsProfile && (content !== undefined || url !== undefined));
      const texts = (await queue.send('hvals', [KEYS.otaPackages])) as readonly string[];
      const all = texts
        .map((text) => jsonOf<OtaPackage>(text))
        .filter((one) => (kind ?? one.kind) === one.kind && one.title.toLowerCase().includes(part) && fits(one))
        // Ids begin with the time they were made at.
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      return pageOfList(all, query);
    },
    beginContent: (id) => withoutContent(id, (draft) => draft.write('del', otaBlocksKey(id))),
    async putBlock(id, at, bytes) {
      if (bytes.length > OTA_BLOCK_BYTES) throw new BrokerError('BAD_REQUEST', { detail: 'a block is too long' });
      const own = Buffer.from(bytes);
      await withoutContent(newId(id), (draft) => draft.write('hset', otaBlocksKey(id), at, own), own.length);
    },
    finishContent: (id, content) =>
      withoutContent(id, (draft, entry) =>
        draft.write('hset', KEYS.otaPackages, id, JSON.stringify({ ...entry, content })),
      ),
    async read(id, offset, length) {
      const size = isId(id) ? (await packageAt(id))?.content?.size : undefined;
      if (size === undefined) return undefined;
      return readBlocks(queue, id, offset, Math.max(0, Math.min(length, size - offset)));
    },
    remove: (id) => step((draft) => remove(draft, id)),

    async device(id) {
      const choices = await recordOf<DeviceChoices>(queue, KEYS.otaDevices, id);
      return { deviceId: id, ...(choices ?? NONE) };
    },
    assignDevice: (id, kind, packageId) =>
      step(async (draft) => {
        const [known, there] = await Promise.all([draft.has(KEYS.devices, id), isThere(draft, kind, packageId)]);
        if (!known || !there) return 'unknown';
        const now = await choicesIn(draft, id);
        moveUser(draft, deviceUser(id), now.assigned[kind], packageId);
        putChoices(draft, id, { ...now, assigned: withChoice(now.assigned, kind, packageId) });
        return 'assigned';
      }),
    announced: (id, kind, packageId) =>
      step(async (draft) => {
        if (!(await draft.has(KEYS.devices, id))) return;
        const now = await choicesIn(draft, id);
        putChoices(draft, id, { ...now, announced: withChoice(now.announced, kind, packageId) });
      }),
    profile: (name) => recordOf<ProfileOta>(queue, KEYS.otaProfiles, name),
    async profiles() {
      const texts = (await queue.send('hvals', [KEYS.otaProfiles])) as readonly string[];
      const all = texts.map((text) => jsonOf<ProfileOta>(text));
      return all.sort((a, b) => Buffer.compare(Buffer.from(a.profile), Buffer.from(b.profile)));
    },
    assignProfile: (profile, kind, packageId) =>
      step(async (draft) => {
        if (!(await isThere(draft, kind, packageId))) return 'unknown';
        const before = (await profileIn(draft, profile))?.assigned ?? {};
        moveUser(draft, profileUser(profile), before[kind], packageId);
        putProfile(draft, { profile, assigned: withChoice(before, kind, packageId), pending: true });
        return 'assigned';
      }),
    profileDone: (name, told) =>
      step(async (draft) => {
        const now = await profileIn(draft, name);
        if (now === undefined || !isSame(now.assigned, told)) return;
        if (Object.keys(now.assigned).length === 0) draft.write('hdel', KEYS.otaProfiles, name);
        else putProfile(draft, { ...now, pending: false });
      }),
  };
}

async function create(draft: Draft, entry: OtaPackage): Promise<'created' | 'taken'> {
  const id = newId(entry.id);
  const taken = await Promise.all([draft.has(KEYS.otaNames, nameOf(entry)), draft.has(KEYS.otaPackages, id)]);
  if (taken.includes(true)) return 'taken';
  draft.write('hset', KEYS.otaPackages, id, JSON.stringify(entry));
  draft.write('hset', KEYS.otaNames, nameOf(entry), id);
  return 'created';
}

async function remove(draft: Draft, id: OtaPackageId): Promise<'removed' | 'in-use' | 'unknown'> {
  const [entry, users] = await Promise.all([packageIn(draft, id), draft.members(KEYS.otaUsers, `${id}\0`, 1)]);
  if (entry === undefined) return 'unknown';
  if (users.length > 0) return 'in-use';
  draft.write('hdel', KEYS.otaPackages, id);
  draft.write('hdel', KEYS.otaNames, nameOf(entry));
  draft.write('unlink', otaBlocksKey(id));
  return 'removed';
}

async function readBlocks(queue: Queue, id: string, offset: number, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  const first = Math.floor(offset / OTA_BLOCK_BYTES);
  const count = Math.floor((offset + length - 1) / OTA_BLOCK_BYTES) - first + 1;
  const words = [otaBlocksKey(id), ...Array.from({ length: count }, (_, at) => first + at)];
  const blocks = (await queue.sendBuffer('hmget', words)) as readonly (Buffer | null)[];
  const missing = blocks.indexOf(null);
  const there = blocks.slice(0, missing < 0 ? count : missing).flatMap((block) => block ?? []);
  const from = offset - first * OTA_BLOCK_BYTES;
  return Buffer.concat(there).subarray(from, from + length);
}

const isThere = async (draft: Draft, kind: OtaKind, id: OtaPackageId | undefined): Promise<boolean> =>
  id === undefined || (await packageIn(draft, id))?.kind === kind;

const isSame = (a: OtaChoice, b: OtaChoice): boolean => a.firmware === b.firmware && a.software === b.software;

const profileIn = (draft: Draft, name: string): Promise<ProfileOta | undefined> =>
  draft.record<ProfileOta>(KEYS.otaProfiles, name);

const putProfile = (draft: Draft, entry: ProfileOta): void =>
  draft.write('hset', KEYS.otaProfiles, entry.profile, JSON.stringify(entry));
