import type { DeviceId, OtaPackageId } from './ids.ts';

export const OTA_KINDS = ['firmware', 'software'] as const;
/** A device has one package of each kind at most. */
export type OtaKind = (typeof OTA_KINDS)[number];

export const CHECKSUM_ALGORITHMS = ['MD5', 'SHA256', 'SHA384', 'SHA512', 'CRC32', 'MURMUR3_32', 'MURMUR3_128'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** The stored binary of a package. It never changes once it is there. */
export interface OtaContent {
  readonly fileName: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  readonly checksumAlgorithm: ChecksumAlgorithm;
  /** Hex; CRC32 and MURMUR3 in little-endian byte order, as ThingsBoard writes them. */
  readonly checksum: string;
}

/** A firmware or software package: a binary kept here, or a URL. */
export interface OtaPackage {
  readonly id: OtaPackageId;
  readonly kind: OtaKind;
  readonly title: string;
  readonly version: string;
  readonly tag?: string;
  /** Only devices of this profile may have it; absent = all. */
  readonly profile?: string;
  /** Devices fetch it from there; it has no content then. */
  readonly url?: string;
  readonly createdAt: number;
  readonly content?: OtaContent;
}

/** The package of each kind, when there is one. */
export type OtaChoice = Readonly<Partial<Record<OtaKind, OtaPackageId>>>;

/** What a device has been given by name, and what it was last told to install. */
export interface DeviceOta {
  readonly deviceId: DeviceId;
  readonly assigned: OtaChoice;
  readonly announced: OtaChoice;
}
