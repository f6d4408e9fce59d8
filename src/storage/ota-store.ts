import type { Page, PageQuery } from '../model/entity.ts';
import type { DeviceId, OtaPackageId } from '../model/ids.ts';
import type { DeviceOta, OtaChoice, OtaContent, OtaKind, OtaPackage } from '../model/ota.ts';

/** Bytes of each block of a binary; only the last one may be shorter. */
export const OTA_BLOCK_BYTES = 65_536;

export interface OtaListQuery extends PageQuery {
  readonly kind?: OtaKind;
  /** Case-insensitive part of the title. */
  readonly textSearch?: string;
  /** Only those that devices of this profile may have, and that have content or a URL. */
  readonly fitsProfile?: string;
}

/** The packages of all devices of a profile that have none of their own. */
export interface ProfileOta {
  readonly profile: string;
  readonly assigned: OtaChoice;
  /** Devices of the profile are still to be told. */
  readonly pending: boolean;
}

/**
 * Firmware and software packages, their binaries in blocks, and who has which.
 * Every promise of a write settles after the write is durable. A missing thing is `undefined`, never an error.
 */
export interface OtaStore {
  /** `taken`: another package of the kind has this title and version. */
  create(entry: OtaPackage): Promise<'created' | 'taken'>;
  package(id: OtaPackageId): Promise<OtaPackage | undefined>;
  /** Ordered by creation. */
  packages(query: OtaListQuery): Promise<Page<OtaPackage>>;
  /** Drops what an upload that was never finished left. False when the package is unknown or has its content. */
  beginContent(id: OtaPackageId): Promise<boolean>;
  /** Block `at`, counted from 0, of an upload under way; it cannot be read before `finishContent`. */
  putBlock(id: OtaPackageId, at: number, bytes: Uint8Array): Promise<void>;
  /** Makes the blocks the package's content. False when the package is unknown or has its content. */
  finishContent(id: OtaPackageId, content: OtaContent): Promise<boolean>;
  /** Bytes from `offset`, fewer or none at the end; undefined when there is no such content. Reads no more than two blocks per 64 KiB. */
  read(id: OtaPackageId, offset: number, length: number): Promise<Buffer | undefined>;
  /** `in-use`: a device or a profile has it. */
  remove(id: OtaPackageId): Promise<'removed' | 'in-use' | 'unknown'>;

  device(id: DeviceId): Promise<DeviceOta>;
  /** Gives a device its own package of a kind, or takes it away (undefined). `unknown`: no such device or package. */
  assignDevice(id: DeviceId, kind: OtaKind, packageId: OtaPackageId | undefined): Promise<'assigned' | 'unknown'>;
  /** Notes what the device was told; a deleted device is left alone. */
  announced(id: DeviceId, kind: OtaKind, packageId: OtaPackageId | undefined): Promise<void>;
  profile(name: string): Promise<ProfileOta | undefined>;
  profiles(): Promise<readonly ProfileOta[]>;
  /** As `assignDevice`, for a profile; marks it pending in the same step. */
  assignProfile(name: string, kind: OtaKind, packageId: OtaPackageId | undefined): Promise<'assigned' | 'unknown'>;
  /** All devices have been told of exactly these; a newer assignment stays pending. */
  profileDone(name: string, told: OtaChoice): Promise<void>;
}
