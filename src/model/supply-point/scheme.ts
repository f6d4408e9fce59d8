export type EnergyKind = 'electricity' | 'gas';

/** Why a text is no supply point code; the words are stable and go to devices and operators. */
export const supplyPointErrorCodes = ['length', 'format', 'country', 'checksum', 'suffix'] as const;
export type SupplyPointErrorCode = (typeof supplyPointErrorCodes)[number];

export const supplyPointWarnings = ['separators-dropped', 'unknown-operator'] as const;
export type SupplyPointWarning = (typeof supplyPointWarnings)[number];

export interface SupplyPoint {
  readonly ok: true;
  /** The canonical code without suffix: the identity of the supply point. */
  readonly stem: string;
  /** The meter position on it (`0F`), when given. */
  readonly suffix?: string;
  /** The grid operator's code as the scheme writes it (four digits of a CUPS). */
  readonly operator?: string;
  readonly warnings: readonly SupplyPointWarning[];
}

export interface SupplyPointError {
  readonly ok: false;
  readonly code: SupplyPointErrorCode;
  /** What the sender probably did, in words; never holds the code itself. */
  readonly hint?: string;
  /** The stem that the sender probably meant; personal data, for the sender's eyes only. */
  readonly offer?: string;
}

export type SupplyPointResult = SupplyPoint | SupplyPointError;

/** One country's supply point codes. `normalise` is pure, does no I/O, never throws, and gives its own output back. */
export interface SupplyPointScheme {
  readonly id: string;
  /** ISO 3166 letters; also the codes' own prefix, where they have one. */
  readonly country: string;
  /** The letters that mark a code of this scheme beyond doubt; absent for all-digit schemes. */
  readonly prefix?: string;
  readonly energy: readonly EnergyKind[];
  normalise(text: unknown): SupplyPointResult;
}

/** What an attachment binds: the scheme's id and the stem. The suffix is no part of it. */
export interface AttachmentKey {
  readonly scheme: string;
  readonly stem: string;
}
