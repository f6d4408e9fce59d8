import { codeTextOf, controlLetters } from './code-text.ts';
import type {
  SupplyPointError,
  SupplyPointErrorCode,
  SupplyPointResult,
  SupplyPointScheme,
  SupplyPointWarning,
} from './scheme.ts';

const OTHER_COUNTRY = /^(?!PT)[A-Z]{2}/;
const CODE = /^PT[0-9]{16}[A-Z]{2}$/;
const LENGTH = 20;
/** 0001 REN, 0002 E-REDES, 0003 to 0012 the cooperatives. */
const LAST_OPERATOR = 12;

const refusals: Readonly<Record<Exclude<SupplyPointErrorCode, 'suffix'>, SupplyPointError>> = {
  length: { ok: false, code: 'length', hint: 'a CPE has 20 characters' },
  format: { ok: false, code: 'format', hint: 'a CPE is PT, 16 digits and 2 letters' },
  country: { ok: false, code: 'country', hint: 'a CPE begins with PT' },
  checksum: { ok: false, code: 'checksum', hint: 'the two control letters do not fit the 16 digits' },
};

function normalise(text: unknown): SupplyPointResult {
  const cleaned = codeTextOf(text);
  if (cleaned === undefined) return refusals.format;
  const { code } = cleaned;
  if (OTHER_COUNTRY.test(code)) return refusals.country;
  if (code.length !== LENGTH) return refusals.length;
  if (!CODE.test(code)) return refusals.format;
  if (code.slice(18) !== controlLetters(code.slice(2, 18))) return refusals.checksum;
  const operator = code.slice(2, 6);
  return { ok: true, stem: code, operator, warnings: warningsFor(operator, cleaned.warnings) };
}

function warningsFor(operator: string, warnings: readonly SupplyPointWarning[]): readonly SupplyPointWarning[] {
  const number = Number(operator);
  return number >= 1 && number <= LAST_OPERATOR ? warnings : [...warnings, 'unknown-operator'];
}

/** Portugal's CPE, electricity only; an operator that is not known is a warning, since operators merge. */
export const ptCpe: SupplyPointScheme = {
  id: 'pt-cpe',
  country: 'PT',
  prefix: 'PT',
  energy: ['electricity'],
  normalise,
};
