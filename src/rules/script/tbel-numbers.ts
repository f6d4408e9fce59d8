import { ExactNumber } from '../../model/json.ts';
import { toInteger, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { NativeFunction } from './language.ts';
import type { Meter } from './meter.ts';
import type { Value } from './values.ts';

const DECIMAL = /^-?\d+(?:\.\d+)?$/;
const HEX = /^-?(?:0[xX])?[0-9a-fA-F]+$/;
const RADIX_DIGITS: Readonly<Record<number, RegExp>> = { 2: /^[01]+$/, 8: /^-?[0-7]+$/, 10: DECIMAL, 16: HEX };
const MAX_DIGITS = 64;

/** Rounds half away from zero, by the number's shortest decimal digits, as Java's BigDecimal does. */
export function roundHalfUp(value: number, places: number): number {
  if (!Number.isFinite(value)) throw new ScriptFailure(`${value} cannot be rounded`);
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const keep = Number(exponent) + 1 + places;
  if (keep >= digits.length) return value;
  if (keep < 0) return 0;
  const head = BigInt(digits.slice(0, keep) || '0') + (digits.charAt(keep) >= '5' ? 1n : 0n);
  return Number(`${value < 0 ? '-' : ''}${head}e${-places}`) + 0;
}

/** The double that prints as Java prints this float: 0.1, not 0.10000000149011612. */
export function shortFloat(float: number): number {
  for (let precision = 1; precision < 9; precision++) {
    const near = Number(float.toPrecision(precision));
    if (Math.fround(near) === float) return near;
  }
  return float;
}

/** Java's long: a number, or the exact digits when a double cannot hold it. */
export function longValue(value: bigint): Value {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new ExactNumber(String(value));
}

interface Digits {
  readonly text: string;
  readonly radix: number;
}

/** A text as digits with their radix: decimal if it can be, else hexadecimal; undefined when it is blank. */
function digitsOf(value: Value, radix: Value, m: Meter): Digits | undefined {
  if (value === null || value === undefined) return undefined;
  const given = toText(value, m).trim();
  if (given === '') return undefined;
  const text = given.replaceAll('0x', '').replaceAll('0X', '').replaceAll(',', '.');
  if (text.length > MAX_DIGITS) throw new ScriptFailure('the text is too long for a number');
  const wanted = radix === undefined ? 0 : toInteger(radix, m);
  const chosen = wanted === 0 ? (given.startsWith('0x') || !DECIMAL.test(text) ? 16 : 10) : wanted;
  if (chosen < 2 || chosen > 36) throw new ScriptFailure(`${chosen} is no radix`);
  const allowed = RADIX_DIGITS[chosen];
  if (allowed && !allowed.test(text)) throw new ScriptFailure(`the text is no number of radix ${chosen}`);
  if (chosen === 16 && text.replace('-', '').length % 2 === 1) {
    throw new ScriptFailure('a hexadecimal text has an even number of digits');
  }
  return { text, radix: chosen };
}

function wholeOf({ text, radix }: Digits): bigint {
  const negative = text.startsWith('-');
  const digits = negative ? text.slice(1) : text;
  let value = 0n;
  for (const character of digits) {
    const digit = Number.parseInt(character, radix);
    if (Number.isNaN(digit)) throw new ScriptFailure('the text is no whole number');
    value = value * BigInt(radix) + BigInt(digit);
  }
  return negative ? -value : value;
}

/** parseInt and parseLong: null for a blank text, a failure for one that is no number or does not fit. */
export function parseWhole(bits: 32 | 64): NativeFunction {
  return ([value, radix], m) => {
    const digits = digitsOf(value, radix, m);
    if (digits === undefined) return null;
    const whole = wholeOf(digits);
    const fits = digits.radix === 2 ? BigInt.asUintN(bits, whole) === whole : BigInt.asIntN(bits, whole) === whole;
    if (!fits) throw new ScriptFailure(`the number does not fit into ${bits} bits`);
    return longValue(BigInt.asIntN(bits, whole));
  };
}

/** parseFloat and parseDouble: a decimal, or the hexadecimal bits of one. */
export function parseReal(bits: 32 | 64): NativeFunction {
  return ([value, radix], m) => {
    const digits = digitsOf(value, radix, m);
    if (digits === undefined) return null;
    if (digits.radix !== 16) return Number(digits.text);
    return realOfBits(BigInt.asUintN(bits, wholeOf(digits)), bits);
  };
}

export function realOfBits(raw: bigint, bits: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, raw);
  const real = bits === 64 ? view.getFloat64(0) : shortFloat(view.getFloat32(4));
  if (Number.isNaN(real)) throw new ScriptFailure('the bits are no number');
  return real;
}
