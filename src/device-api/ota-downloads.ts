import type { Clock } from '../model/clock.ts';
import { type Device, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonObject } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { OtaContent, OtaKind } from '../model/ota.ts';
import type { Log } from '../observe/index.ts';
import type { OtaAssignments, OtaCampaigns, OtaPackages } from '../ota/index.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import type { RegistryStore } from '../storage/registry-store.ts';
import type { DeviceLimits } from './device-limits.ts';

/** The binary of a package as it was when it was asked for: a later assignment does not change it. */
export interface OtaDownload extends OtaContent {
  readonly title: string;
  readonly version: string;
  /** Fewer bytes or none at the end. Rejects when the package is gone. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** `no-content`: the package is a URL. */
export type OtaLookup =
  | { readonly kind: 'download'; readonly download: OtaDownload }
  | { readonly kind: 'not-found' | 'no-content' | 'rate-limited' | 'failed' };

/** Firmware and software for devices (thingsboard-device-api 3.12). */
export interface OtaDownloads {
  /** The package that a device has now. Takes one message from its limit. */
  find(device: Device, kind: OtaKind): Promise<OtaLookup>;
  /** A text that stands for the right to fetch the package that the device then has; for a day. */
  link(device: Device, kind: OtaKind): string;
  /** As `find`, for who shows such a text; `not-found` also when it is none, or too old. */
  findByLink(link: string): Promise<OtaLookup>;
  /** What a device says of itself in telemetry: campaigns follow it. Never rejects. */
  reported(device: Device, values: JsonObject): void;
  /** A device is here: it hears of a package it has not been told of. */
  deviceIsHere(device: Device): void;
}

export interface OtaDownloadsParts {
  readonly packages: Pick<OtaPackages, 'read'>;
  readonly assignments: Pick<OtaAssignments, 'packageOf' | 'catchUp'>;
  readonly campaigns: Pick<OtaCampaigns, 'reported' | 'deviceIsHere'>;
  readonly limits: DeviceLimits;
  readonly devices: Pick<RegistryStore, 'device'>;
  /** Seals links. */
  readonly hash: Pick<KeyedHash, 'seal' | 'open'>;
  readonly clock: Clock;
  readonly profile: (name: string) => DeviceProfile | undefined;
  readonly log: Log;
}

export function createOtaDownloads(parts: OtaDownloadsParts): OtaDownloads {
  const { packages, assignments, campaigns, limits, devices, hash, clock, log } = parts;
  const downloads: OtaDownloads = {
    async find(device, kind) {
      const profile = parts.profile(device.profile);
      if (!profile) return { kind: 'failed' };
      if (!limits.takeMessage(device.id, profile)) return { kind: 'rate-limited' };
      try {
        const entry = await assignments.packageOf(device, kind);
        if (!entry) return { kind: 'not-found' };
        const { id, title, version, content } = entry;
        if (!content) return { kind: 'no-content' };
        const read = async (offset: number, length: number): Promise<Buffer> => {
          const bytes = await packages.read(id, offset, length);
          if (!bytes) throw new Error('the package is gone');
          return bytes;
        };
        return { kind: 'download', download: { ...content, title, version, read } };
      } catch (error) {
        log.error({ event: 'ota.lookup', device: device.id, err: error }, 'package could not be looked up');
        return { kind: 'failed' };
      }
    },
    link: ({ id }, kind) => hash.seal(JSON.stringify([PURPOSE, kind, clock.now() + LINK_MS, id])),
    async findByLink(link) {
      const [purpose, kind, until, id] = readLink(link.length > MAX_LINK ? undefined : hash.open(link));
      if (purpose !== PURPOSE || (kind !== 'firmware' && kind !== 'software')) return { kind: 'not-found' };
      if (typeof id !== 'string' || typeof until !== 'number' || until < clock.now()) return { kind: 'not-found' };
      try {
        const device = await devices.device(id as DeviceId);
        const mayFetch = device && !['disabled', 'retired'].includes(stateOf(device));
        return mayFetch ? await downloads.find(device, kind) : { kind: 'not-found' };
      } catch (error) {
        log.error({ event: 'ota.lookup', device: id, err: error }, 'package could not be looked up');
        return { kind: 'failed' };
      }
    },
    reported: (device, values) => campaigns.reported(device, values),
    deviceIsHere(device) {
      campaigns.deviceIsHere(device);
      void assignments.catchUp(device);
    },
  };
  return downloads;
}

/** Tells links from whatever else is sealed with the same key. */
const PURPOSE = 'ota-link';
const LINK_MS = 86_400_000;
const MAX_LINK = 512;

function readLink(text: string | undefined): readonly unknown[] {
  if (text === undefined) return [];
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? read : [];
  } catch {
    return []; // sealed for something else
  }
}
