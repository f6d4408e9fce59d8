import { BrokerError } from '../errors.ts';
import { type OtaPackageId, parseOtaPackageId, profileIdOf } from '../model/ids.ts';
import { OTA_KINDS, type OtaChoice, type OtaKind, type OtaPackage } from '../model/ota.ts';
import { json, oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice, idParam, pageFields, profileWithId, uuidOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { countedPageOf, NO_CONTENT, object, toCountedPage } from './wire.ts';

const tag = 'firmware and software';
/** ThingsBoard's words. */
const TYPES = { firmware: 'FIRMWARE', software: 'SOFTWARE' } as const satisfies Record<OtaKind, string>;
const kindOf = (type: 'FIRMWARE' | 'SOFTWARE'): OtaKind => (type === 'FIRMWARE' ? 'firmware' : 'software');
const string = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
/** Schema of a package. */
export const OTA_INFO = object({
  id: object({ entityType: string, id: string }),
  createdTime: { type: 'integer' },
  type: { enum: Object.values(TYPES) },
  title: string,
  version: string,
  tag: textOrNull,
  url: textOrNull,
  deviceProfileId: { type: ['object', 'null'] },
  deviceProfile: { ...textOrNull, description: 'Name of the only profile whose devices may have it.' },
  hasData: { type: 'boolean' },
  fileName: textOrNull,
  contentType: textOrNull,
  checksumAlgorithm: textOrNull,
  checksum: textOrNull,
  dataSize: { type: ['integer', 'null'] },
});
const choice = (kind: OtaKind) =>
  optional(json<string | null>(`Id of the ${kind} package; null takes it away, absent leaves it.`, textOrNull));
const CHOICES = { firmware: choice('firmware'), software: choice('software') };
const CHOSEN = object({ 'firmware?': string, 'software?': string });

/** Packages as ThingsBoard's REST API shows them. */
export const toOtaInfo = ({ id, kind, createdAt, title, version, tag, url, profile, content }: OtaPackage) => ({
  id: { entityType: 'OTA_PACKAGE', id },
  createdTime: createdAt,
  type: TYPES[kind],
  title,
  version,
  tag: tag ?? null,
  url: url ?? null,
  deviceProfileId: profile === undefined ? null : { entityType: 'DEVICE_PROFILE', id: profileIdOf(profile) },
  deviceProfile: profile ?? null,
  hasData: content !== undefined,
  fileName: content?.fileName ?? null,
  contentType: content?.contentType ?? null,
  checksumAlgorithm: content?.checksumAlgorithm ?? null,
  checksum: content?.checksum ?? null,
  dataSize: content?.size ?? null,
});

/** The id of a path. Throws BAD_REQUEST. */
export function otaIdOf(given: string, field = 'id'): OtaPackageId {
  const id = parseOtaPackageId(given);
  if (id === undefined) throw new BrokerError('BAD_REQUEST', { field, detail: `"${field}" is not a UUID` });
  return id;
}

/** Packages under ThingsBoard's paths, assignments under our own. */
export function otaRoutes(deps: AdminDeps): readonly Route[] {
  const { packages, assignments } = deps.ota;
  const assign = async (
    wanted: Readonly<Record<OtaKind, string | null | undefined>>,
    one: (kind: OtaKind, id: OtaPackageId | undefined) => Promise<void>,
  ): Promise<void> => {
    for (const kind of OTA_KINDS) {
      const id = wanted[kind];
      if (id !== undefined) await one(kind, id === null ? undefined : otaIdOf(id, kind));
    }
  };
  const deviceNamed = async (ref: string) => {
    const device = await findDevice(ref, deps);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
    return device;
  };
  const checkProfile = (name: string, field: string): void => {
    if (!deps.profiles().byName(name)) throw new BrokerError('PROFILE_NOT_FOUND', { field });
  };

  /** Of the two ways to name one, the name is ours, the id ThingsBoard's; both must mean the same. */
  const profileOf = (body: {
    readonly deviceProfile: string | null | undefined;
    readonly deviceProfileId: { readonly id: string } | null | undefined;
  }): string | undefined => {
    const { deviceProfile, deviceProfileId } = body;
    if (deviceProfile) checkProfile(deviceProfile, 'deviceProfile');
    if (!deviceProfileId) return deviceProfile ?? undefined;
    const found = profileWithId(deviceProfileId.id, deps);
    if (!found || (deviceProfile && deviceProfile !== found.name)) {
      throw new BrokerError('PROFILE_NOT_FOUND', { field: 'deviceProfileId' });
    }
    return found.name;
  };

  const packageRoutes = [
    defineRoute({
      method: 'POST',
      url: '/api/otaPackage',
      tag,
      summary: 'Creates a package; its content follows, unless it is a URL.',
      role: 'administrator',
      lenient: true,
      body: {
        type: oneOf('Kind.', ['FIRMWARE', 'SOFTWARE']),
        title: text('Title, unique with the version.'),
        version: text('Version.'),
        tag: optional(json<string | null>('What devices see as fw_tag or sw_tag.', textOrNull)),
        url: optional(json<string | null>('Where devices fetch it.', textOrNull)),
        deviceProfile: optional(json<string | null>('Name of the only profile that may have it.', textOrNull)),
        id: optional(json<unknown>('Must be absent: a package never changes.', {})),
        deviceProfileId: optional(
          json<{ readonly id: string } | null>('The same by its id.', {
            type: ['object', 'null'],
            required: ['id'],
            properties: { id: { type: 'string' } },
          }),
        ),
      },
      answer: OTA_INFO,
      async handle({ body, by }) {
        if (body.id !== undefined && body.id !== null) {
          throw new BrokerError('BAD_REQUEST', { field: 'id', detail: 'a package never changes' });
        }
        const { type, title, version, tag, url } = body;
        const profile = profileOf(body);
        const wanted = {
          kind: kindOf(type),
          title,
          version,
          ...(tag ? { tag } : {}),
          ...(url ? { url } : {}),
          ...(profile === undefined ? {} : { profile }),
        };
        return toOtaInfo(await packages.create(wanted, by));
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/otaPackages',
      tag,
      summary: 'A page of packages.',
      role: 'read-only',
      lenient: true,
      query: { textSearch: optional(text('Part of the title, in any case.')), ...pageFields },
      answer: countedPageOf(OTA_INFO),
      async handle({ query: { textSearch, page, pageSize } }) {
        const found = await packages.list({ page, pageSize, ...(textSearch ? { textSearch } : {}) });
        return toCountedPage(found, pageSize, toOtaInfo);
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/otaPackages/:deviceProfileId/:type',
      tag,
      summary: 'A page of the packages of a kind that devices of a profile may have.',
      role: 'read-only',
      lenient: true,
      params: { deviceProfileId: text('UUID.'), type: oneOf('Kind.', ['FIRMWARE', 'SOFTWARE']) },
      query: { textSearch: optional(text('Part of the title, in any case.')), ...pageFields },
      answer: countedPageOf(OTA_INFO),
      async handle({ params, query: { textSearch, page, pageSize } }) {
        const profile = profileWithId(uuidOf(params.deviceProfileId, 'deviceProfileId'), deps);
        if (!profile) throw new BrokerError('NOT_FOUND', { field: 'deviceProfileId' });
        const kind = kindOf(params.type);
        const query = { page, pageSize, kind, fitsProfile: profile.name, ...(textSearch ? { textSearch } : {}) };
        return toCountedPage(await packages.list(query), pageSize, toOtaInfo);
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/otaPackage/info/:id',
      tag,
      summary: 'One package.',
      role: 'read-only',
      lenient: true,
      params: idParam,
      answer: OTA_INFO,
      async handle({ params }) {
        const entry = await packages.package(otaIdOf(params.id));
        if (!entry) throw new BrokerError('NOT_FOUND', { field: 'id' });
        return toOtaInfo(entry);
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: '/api/otaPackage/:id',
      tag,
      summary: 'Deletes a package that no device or profile has.',
      role: 'administrator',
      lenient: true,
      params: idParam,
      answer: NO_CONTENT,
      handle: ({ params, by }) => packages.remove(otaIdOf(params.id), by),
    }),
  ];

  const ofDevice = { url: '/api/gridmoor/devices/:id/ota', params: { id: text('Id or name of the device.') } } as const;
  const ofProfile = {
    url: '/api/gridmoor/profiles/:name/ota',
    params: { name: text('Name of the profile.') },
  } as const;
  const assignmentRoutes = [
    defineRoute({
      ...ofDevice,
      method: 'GET',
      tag,
      summary: "The device's own packages.",
      role: 'read-only',
      answer: CHOSEN,
      handle: async ({ params }): Promise<OtaChoice> => assignments.ofDevice((await deviceNamed(params.id)).id),
    }),
    defineRoute({
      ...ofDevice,
      method: 'POST',
      tag,
      summary: 'Gives a device packages of its own, before those of its profile, and tells it.',
      role: 'administrator',
      body: CHOICES,
      answer: CHOSEN,
      async handle({ params, body, by }) {
        const device = await deviceNamed(params.id);
        await assign(body, (kind, id) => assignments.assignDevice(device, kind, id, by));
        return assignments.ofDevice(device.id);
      },
    }),
    defineRoute({
      ...ofProfile,
      method: 'GET',
      tag,
      summary: 'The packages of a profile.',
      role: 'read-only',
      answer: CHOSEN,
      handle: async ({ params }): Promise<OtaChoice> => assignments.ofProfile(params.name),
    }),
    defineRoute({
      ...ofProfile,
      method: 'POST',
      tag,
      summary: 'Gives a profile packages; its devices that have none of their own are told in the background.',
      role: 'administrator',
      body: CHOICES,
      answer: CHOSEN,
      async handle({ params: { name }, body, by }) {
        checkProfile(name, 'name');
        await assign(body, (kind, id) => assignments.assignProfile(name, kind, id, by));
        return assignments.ofProfile(name);
      },
    }),
  ];
  return [...packageRoutes, ...assignmentRoutes];
}
