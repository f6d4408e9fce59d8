/**
 * A JSON number that keeps its source text because a JS number would lose it: integers beyond 2^53, `42.0`, `1.50`,
 * `1e3`, `-0`, more digits than a double holds. The text is always a valid JSON number.
 */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** For a bare JSON.stringify, which cannot write the text: the nearest number, or the text when it is not finite. */
  toJSON(): number | string {
    serialisedCount++;
    const near = Number(this.text);
    return Number.isFinite(near) ? near : this.text;
  }
}

let serialisedCount = 0;

/** Grows each time JSON.stringify meets an ExactNumber: how stringifyJson learns that plain output was not enough. */
export function exactNumbersSerialised(): number {
  return serialisedCount;
}

/** The value of a JSON number's source text: a plain number when String() gives the text back and the value is exact. */
export function numberFromText(text: string): number | ExactNumber {
  const value = Number(text);
  if (String(value) === text && (Number.isSafeInteger(value) || !Number.isInteger(value))) return value;
  return new ExactNumber(text);
}

/** ThingsBoard's storage kinds of a number; `STRING` is one that neither int64 nor 16 fraction digits hold. */
export type NumberKind = 'LONG' | 'DOUBLE' | 'STRING';

interface Decimal {
  readonly negative: boolean;
  /** All digits, point removed, leading zeros stripped (`''` is zero). */
  readonly digits: string;
  /** Digits after the point; negative when zeros follow the digits. */
  readonly scale: number;
  /** A point and no exponent: a double even when integral. */
  readonly simpleDouble: boolean;
}

const NUMBER = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const LEADING_ZEROS = /^0+/;
const INT64_MAX = '9223372036854775807';
const INT64_MIN = '9223372036854775808';
const MAX_FRACTION_DIGITS = 16;
/** No number is written out longer than this: `1e999999999` must not become a gigabyte. */
const MAX_PLAIN_LENGTH = 400;

function decimalOf(text: string): Decimal | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const fraction = match[3];
  const exponent = match[4];
  return {
    negative: match[1] === '-',
    digits: ((match[2] ?? '') + (fraction ?? '')).replace(LEADING_ZEROS, ''),
    scale: (fraction ?? '').length - Number(exponent ?? 0),
    simpleDouble: fraction !== undefined && exponent === undefined,
  };
}

function trailingZeros(digits: string): number {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  return digits.length - end;
}

function kindOf(number: Decimal): NumberKind {
  const { digits, scale } = number;
  const integral = digits === '' || scale - trailingZeros(digits) <= 0;
  if (!integral || number.simpleDouble) return scale <= MAX_FRACTION_DIGITS ? 'DOUBLE' : 'STRING';
  const length = digits === '' ? 0 : digits.length - scale;
  if (length !== INT64_MAX.length) return length < INT64_MAX.length ? 'LONG' : 'STRING';
  return integerDigits(digits, scale) <= (number.negative ? INT64_MIN : INT64_MAX) ? 'LONG' : 'STRING';
}

function integerDigits(digits: string, scale: number): string {
  return scale >= 0 ? digits.slice(0, digits.length - scale) : digits + '0'.repeat(-scale);
}

function plainOf(number: Decimal, text: string): string {
  const { digits, scale } = number;
  // Zero has no place to grow into: 0e999999999 is 0, and 0e-3 keeps its three places.
  if (digits === '' && scale <= 0) return '0';
  if (Math.abs(scale) > MAX_PLAIN_LENGTH && Math.abs(scale) > text.length) return text;
  const sign = number.negative && digits !== '' ? '-' : '';
  if (scale <= 0) return sign + digits + '0'.repeat(-scale);
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/**
 * How ThingsBoard stores a number: `LONG` when integral and written without a point, or with point and exponent; else
 * `DOUBLE`; `STRING` beyond int64 or with more than 16 fraction digits.
 */
export function numberKind(value: number | ExactNumber): NumberKind {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return 'LONG';
    if (!Number.isFinite(value)) return 'STRING';
    // 17 significant digits at most, of which one or more stand before the point.
    if (!Number.isInteger(value) && Math.abs(value) >= 1) return 'DOUBLE';
  }
  const number = decimalOf(String(value));
  return number === undefined ? 'STRING' : kindOf(number);
}

/** A number's digits without exponent (`1e3` is `1000`, `-0` is `0`); the text itself when that would pass 400 characters. */
export function plainNotation(text: string): string {
  const number = decimalOf(text);
  return number === undefined ? text : plainOf(number, text);
}

/** The stored form of a JSON number's text: its kind, and its digits in plain notation (`1.5e3` is LONG `1500`). */
export function castText(text: string): { readonly kind: NumberKind; readonly text: string } {
  const number = decimalOf(text);
  if (number === undefined) return { kind: 'STRING', text };
  const kind = kindOf(number);
  if (kind !== 'LONG') return { kind, text: plainOf(number, text) };
  if (number.digits === '') return { kind, text: '0' };
  return { kind, text: (number.negative ? '-' : '') + integerDigits(number.digits, number.scale) };
}

const CASTABLE = /^-?(?:\d+|\d*\.\d+)$/;

/**
 * ThingsBoard's type cast of a JSON string: `-`, digits and one inner point become a number (`"007"` is 7, `".5"` is
 * 0.5); anything else stays as it is. A double with an integral value keeps its point (`"5.0"`), so it stays a DOUBLE.
 */
export function castString(text: string): string | number | ExactNumber {
  if (!CASTABLE.test(text)) return text;
  const cast = castText(text);
  if (cast.kind === 'STRING') return cast.text;
  return numberFromText(cast.text);
}
