import { ExactNumber, type JsonValue } from './json.ts';

/** `units` / 10^`scale`, exactly. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;
/** Powers of ten beyond it are left out of sums: they would cost memory without end. */
const MAX_EXPONENT = 1_000;
/** Digits of a quotient before it is rounded to the nearest double. */
const QUOTIENT_DIGITS = 25;

export const ZERO: Decimal = { units: 0n, scale: 0 };

/** The exact value of a JSON number; undefined for anything else. */
export function decimalOf(value: JsonValue): Decimal | undefined {
  const text = typeof value === 'number' ? String(value) : value instanceof ExactNumber ? value.text : undefined;
  const match = text === undefined ? null : NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const scale = fraction.length - Number(exponent);
  if (Math.abs(scale) > MAX_EXPONENT) return undefined;
  const units = BigInt(`${sign}${whole}${fraction}`);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

/** Negative when a is less than b, 0 when they are equal. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = unitsAt(a, scale) - unitsAt(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The nearest double of a / count. */
export function quotient({ units, scale }: Decimal, count: number): number {
  const digits = (units * 10n ** BigInt(QUOTIENT_DIGITS)) / BigInt(count);
  return Number(`${digits}e${-(scale + QUOTIENT_DIGITS)}`);
}

/** With so many digits behind the point at most; halves go away from zero. */
export function rounded(value: Decimal, digits: number): Decimal {
  if (value.scale <= digits) return value;
  const cut = 10n ** BigInt(value.scale - digits);
  const half = value.units < 0n ? -cut / 2n : cut / 2n;
  return { units: (value.units + half) / cut, scale: digits };
}

/** As a JSON number with all its digits. */
export function numberOf({ units, scale }: Decimal): number | ExactNumber {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const sign = units < 0n ? '-' : '';
  const text = scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  const number = Number(text);
  return String(number) === text ? number : new ExactNumber(text);
}

const unitsAt = ({ units, scale }: Decimal, wanted: number): bigint => units * 10n ** BigInt(wanted - scale);
