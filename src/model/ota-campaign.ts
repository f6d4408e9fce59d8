import type { DeviceId, OtaPackageId } from './ids.ts';
import type { OtaKind } from './ota.ts';

/** `preparing`: its devices are being chosen; `verifying`: only the verification set is told; the last three are ends. */
export const CAMPAIGN_STATES = ['preparing', 'verifying', 'running', 'done', 'failed', 'stopped'] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/** Why devices that could have been meant are not among the targets. */
export const SKIP_REASONS = ['noVersion', 'otherVersion', 'hasIt', 'otherProfile', 'inCampaign', 'notInUse'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** A rollout of one package to chosen devices. */
export interface OtaCampaign {
  readonly id: string;
  readonly name: string;
  readonly package: OtaPackageId;
  readonly kind: OtaKind;
  readonly title: string;
  /** The version that devices must report in the end. */
  readonly version: string;
  readonly state: CampaignState;
  /** It is being ended: nobody is told any more, and who is not done has the package taken away. */
  readonly ends?: 'failed' | 'stopped';
  /** How long a device may take from when it was told, ms. */
  readonly timeoutMs: number;
  /** Tries after the first. */
  readonly retries: number;
  /** So many failed devices stop the campaign; absent = none do. */
  readonly maxFailures?: number;
  readonly targets: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly createdAt: number;
  readonly by: string;
  readonly endedAt?: number;
}

/** `waiting`: not told yet; `queued`: told once it is online; `sent`; `installing`: it has reported progress; then the ends. */
export const TARGET_STATES = ['waiting', 'queued', 'sent', 'installing', 'succeeded', 'failed', 'cancelled'] as const;
export type TargetState = (typeof TARGET_STATES)[number];

/** One device of a campaign. */
export interface OtaTarget {
  readonly device: DeviceId;
  readonly name: string;
  /** The version that it reported before. */
  readonly from: string;
  readonly state: TargetState;
  /** Of the verification set: told before the others. */
  readonly verify: boolean;
  /** Times it was told. */
  readonly attempts: number;
  /** Percent, as it reports. */
  readonly progress?: number;
  /** Why it failed: TIMEOUT, VERSION_UNCHANGED, DOWNLOAD_FAILED, VERIFY_FAILED, … */
  readonly reason?: string;
  /** When this try is over, ms. */
  readonly deadline?: number;
  /** Its own package before; given back when it fails. */
  readonly former?: OtaPackageId;
  /** It has failed or is cancelled, and still has the package. */
  readonly ending?: boolean;
  /** Noted as told, and perhaps not told yet: the instance that was at it may have ended. */
  readonly telling?: boolean;
  readonly changedAt: number;
}
