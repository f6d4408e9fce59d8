import { codeTextOf, controlLetters } from './code-text.ts';
import type { SupplyPointError, SupplyPointErrorCode, SupplyPointResult, SupplyPointScheme } from './scheme.ts';

const OTHER_COUNTRY = /^(?!ES)[A-Z]{2}/;
const STEM = /^ES[0-9]{16}[A-Z]{2}/;
const SUFFIX = /^[0-9][FPRCXYZ]$/;
/** A self-consumption installation: a 22-character CUPS, `A` and three digits. */
const CAU = /^(ES[0-9]{16}[A-Z]{2})[0-9][FPRCXYZ]A[0-9]{3}$/;
const STEM_LENGTH = 20;

const refusals: Readonly<Record<SupplyPointErrorCode, SupplyPointError>> = {
  length: { ok: false, code: 'length', hint: 'a CUPS has 20 or 22 characters' },
  format: { ok: false, code: 'format', hint: 'a CUPS is ES, 16 digits and 2 letters' },
  country: { ok: false, code: 'country', hint: 'a CUPS begins with ES' },
  checksum: { ok: false, code: 'checksum', hint: 'the two control letters do not fit the 16 digits' },
  suffix: { ok: false, code: 'suffix', hint: 'after the control letters comes a digit and one of F P R C X Y Z' },
};
const CAU_HINT = 'this is a CAU, the code of a self-consumption installation; its first 20 characters are the CUPS';

function normalise(text: unknown): SupplyPointResult {
  const cleaned = codeTextOf(text);
  if (cleaned === undefined) return refusals.format;
  const { code, warnings } = cleaned;
  if (OTHER_COUNTRY.test(code)) return refusals.country;
  if (code.length !== STEM_LENGTH && code.length !== STEM_LENGTH + 2) return wrongLength(code);
  if (!STEM.test(code)) return refusals.format;
  const stem = code.slice(0, STEM_LENGTH);
  const suffix = code.slice(STEM_LENGTH);
  if (suffix !== '' && !SUFFIX.test(suffix)) return refusals.suffix;
  if (!lettersFit(stem)) return refusals.checksum;
  const operator = stem.slice(2, 6);
  return suffix === '' ? { ok: true, stem, operator, warnings } : { ok: true, stem, suffix, operator, warnings };
}

function wrongLength(code: string): SupplyPointError {
  const stem = CAU.exec(code)?.[1];
  if (stem === undefined) return refusals.length;
  const error: SupplyPointError = { ok: false, code: 'length', hint: CAU_HINT };
  return lettersFit(stem) ? { ...error, offer: stem } : error;
}

function lettersFit(stem: string): boolean {
  return stem.slice(18) === controlLetters(stem.slice(2, 18));
}

/** Spain's CUPS. The stem is the first 20 characters; nothing is ever repaired (O for 0, a lost ES, lost zeros). */
export const esCups: SupplyPointScheme = {
  id: 'es-cups',
  country: 'ES',
  prefix: 'ES',
  energy: ['electricity', 'gas'],
  normalise,
};
