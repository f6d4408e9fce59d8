import type { Device } from '../model/device.ts';
import type { OtaContent, OtaKind } from '../model/ota.ts';
import type { Log } from '../observe/index.ts';
import type { OtaAssignments, OtaPackages } from '../ota/index.ts';
import type { DeviceProfile } from '../profiles/index.ts';
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
  /** A device is here: it hears of a package it has not been told of. */
  deviceIsHere(device: Device): void;
}

export interface OtaDownloadsParts {
  readonly packages: Pick<OtaPackages, 'read'>;
  readonly assignments: Pick<OtaAssignments, 'packageOf' | 'catchUp'>;
  readonly limits: DeviceLimits;
  readonly profile: (name: string) => DeviceProfile | undefined;
  readonly log: Log;
}

export function createOtaDownloads(parts: OtaDownloadsParts): OtaDownloads {
  const { packages, assignments, limits, log } = parts;
  return {
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
    deviceIsHere: (device) => void assignments.catchUp(device),
  };
}
