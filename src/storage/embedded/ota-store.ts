import { BrokerError } from '../../errors.ts';
import type { OtaPackageId } from '../../model/ids.ts';
import type { OtaKind, OtaPackage } from '../../model/ota.ts';
import { OTA_BLOCK_BYTES, type OtaStore, type ProfileOta } from '../ota-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Span, Tables } from './environment.ts';
import { idKey, newIdKey, textKey } from './keys.ts';
import {
  blockKey,
  choicesAt,
  deviceUser,
  dropBlocks,
  isUsed,
  moveUser,
  otaNameKey,
  packageAt,
  profileAt,
  profileUser,
  putChoices,
  putContent,
  readBlocks,
  withChoice,
} from './ota-records.ts';
import { jsonOf, pageOfList, putJson } from './records.ts';

/** All keys of a table whose keys are ids or texts. */
const ALL: Span = { from: Buffer.from([0]), to: Buffer.alloc(17, 0xff) };

export function createOtaStore({ tables }: Environment, committer: Committer): OtaStore {
  return {
    create: (entry) => committer.run(() => create(tables, entry)),
    package: async (id) => packageAt(tables, id),
    async packages({ kind, textSearch = '', fitsProfile, ...query }) {
      const part = textSearch.toLowerCase();
      const fits = ({ profile = fitsProfile, content, url }: OtaPackage): boolean =>
        fitsProfile === undefined || (profile === fitsProfile && (content !== undefined || url !== undefined));
      const all = [...tables.otaPackages.entries(ALL)]
        .map(({ value }) => jsonOf<OtaPackage>(value))
        .filter(
          (one) => (kind === undefined || one.kind === kind) && one.title.toLowerCase().includes(part) && fits(one),
        );
      return pageOfList(all, query);
    },
    beginContent: (id) =>
      committer.run(() => {
        const entry = packageAt(tables, id);
        if (entry === undefined || entry.content !== undefined) return false;
        dropBlocks(tables, newIdKey(id));
        return true;
      }),
    async putBlock(id, at, bytes) {
      if (bytes.length > OTA_BLOCK_BYTES) throw new BrokerError('BAD_REQUEST', { detail: 'a block is too long' });
      const key = blockKey(newIdKey(id), at);
      const own = Buffer.from(bytes);
      await committer.run(
        () => {
          const entry = packageAt(tables, id);
          if (entry !== undefined && entry.content === undefined) tables.otaBlocks.put(key, own);
        },
        { bytes: own.length },
      );
    },
    finishContent: (id, content) => committer.run(() => putContent(tables, id, content)),
    async read(id, offset, length) {
      const key = idKey(id);
      const size = packageAt(tables, id)?.content?.size;
      if (key === undefined || size === undefined) return undefined;
      return readBlocks(tables, key, offset, Math.max(0, Math.min(length, size - offset)));
    },
    remove: (id) => committer.run(() => remove(tables, id)),

    async device(id) {
      const key = idKey(id);
      return { deviceId: id, ...(key === undefined ? { assigned: {}, announced: {} } : choicesAt(tables, key)) };
    },
    assignDevice: (id, kind, packageId) =>
      committer.run(() => {
        const key = idKey(id);
        if (key === undefined || !tables.devices.has(key) || !isThere(tables, kind, packageId)) return 'unknown';
        const now = choicesAt(tables, key);
        moveUser(tables, deviceUser(key), now.assigned[kind], packageId);
        putChoices(tables, key, { ...now, assigned: withChoice(now.assigned, kind, packageId) });
        return 'assigned';
      }),
    announced: (id, kind, packageId) =>
      committer.run(() => {
        const key = idKey(id);
        if (key === undefined || !tables.devices.has(key)) return;
        const now = choicesAt(tables, key);
        putChoices(tables, key, { ...now, announced: withChoice(now.announced, kind, packageId) });
      }),
    profile: async (name) => profileAt(tables, name),
    profiles: async () => [...tables.otaProfiles.entries(ALL)].map(({ value }) => jsonOf<ProfileOta>(value)),
    assignProfile: (profile, kind, packageId) =>
      committer.run(() => {
        if (!isThere(tables, kind, packageId)) return 'unknown';
        const before = profileAt(tables, profile)?.assigned ?? {};
        moveUser(tables, profileUser(profile), before[kind], packageId);
        putProfile(tables, { profile, assigned: withChoice(before, kind, packageId), pending: true });
        return 'assigned';
      }),
    profileDone: (name, told) =>
      committer.run(() => {
        const now = profileAt(tables, name);
        const same = now?.assigned.firmware === told.firmware && now?.assigned.software === told.software;
        if (now === undefined || !same) return;
        if (Object.keys(now.assigned).length === 0) tables.otaProfiles.remove(textKey(name));
        else putProfile(tables, { ...now, pending: false });
      }),
  };
}

function create(tables: Tables, entry: OtaPackage): 'created' | 'taken' {
  const name = otaNameKey(entry);
  const id = newIdKey(entry.id);
  if (tables.otaNames.has(name) || tables.otaPackages.has(id)) return 'taken';
  putJson(tables.otaPackages, id, entry);
  tables.otaNames.put(name, id);
  return 'created';
}

function remove(tables: Tables, id: OtaPackageId): 'removed' | 'in-use' | 'unknown' {
  const entry = packageAt(tables, id);
  if (entry === undefined) return 'unknown';
  const key = newIdKey(id);
  if (isUsed(tables, key)) return 'in-use';
  tables.otaPackages.remove(key);
  tables.otaNames.remove(otaNameKey(entry));
  dropBlocks(tables, key);
  return 'removed';
}

const isThere = (tables: Tables, kind: OtaKind, id: OtaPackageId | undefined): boolean =>
  id === undefined || packageAt(tables, id)?.kind === kind;

const putProfile = ({ otaProfiles }: Tables, entry: ProfileOta): void =>
  putJson(otaProfiles, textKey(entry.profile), entry);
