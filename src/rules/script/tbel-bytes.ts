import { toInteger, toText } from './convert.ts';
import { ScriptFailure } from './failure.ts';
import type { NativeFunction } from './language.ts';
import type { Meter } from './meter.ts';
import { longValue, parseReal, parseWhole, realOfBits } from './tbel-numbers.ts';
import { nameOf, type Value } from './values.ts';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const HEX = /^(?:[0-9a-fA-F]{2})+$/;

/** Bytes as TBEL holds them: a list of -128 … 127. */
function toList(bytes: Uint8Array, m: Meter): Value[] {
  m.items(bytes.length);
  return Array.from(bytes, (byte) => (byte > 127 ? byte - 256 : byte));
}

function fromList(value: Value, m: Meter): Buffer {
  if (!Array.isArray(value)) throw new ScriptFailure(`expected a list of bytes, not ${nameOf(value)}`);
  m.items(value.length);
  const bytes = Buffer.alloc(value.length);
  for (const [index, item] of value.entries()) {
    const byte = typeof item === 'string' ? Number(parseWhole(32)([item], m)) : Number(item);
    if (!Number.isInteger(byte) || byte < -128 || byte > 255) throw new ScriptFailure(`item ${index} is no byte`);
    bytes[index] = byte & 255;
  }
  return bytes;
}

function fromBase64(value: Value, m: Meter): Buffer {
  const text = m.text(toText(value, m));
  if (!BASE64.test(text)) throw new ScriptFailure('the text is not base64');
  return Buffer.from(text, 'base64');
}

function fromHex(value: Value, m: Meter): Buffer {
  const text = toText(value, m).trim().replaceAll('0x', '').replaceAll('0X', '');
  if (!HEX.test(text)) throw new ScriptFailure('expected hexadecimal digits, two for each byte');
  m.text(text);
  return Buffer.from(text, 'hex');
}

function charset(value: Value, m: Meter): 'utf8' | 'latin1' {
  const name = value === undefined ? 'UTF-8' : toText(value, m).toUpperCase();
  if (name === 'UTF-8' || name === 'US-ASCII' || name === 'ASCII') return 'utf8';
  if (name === 'ISO-8859-1') return 'latin1';
  throw new ScriptFailure('the character sets are UTF-8, US-ASCII and ISO-8859-1');
}

/** `length` bytes from `offset`, big end first, as many as there are and `most` at the most. */
function slice(args: readonly Value[], most: number, m: Meter): Buffer {
  const bytes = fromList(args[0], m);
  const offset = args[1] === undefined ? 0 : toInteger(args[1], m);
  const length = args[2] === undefined ? Math.min(bytes.length - offset, most) : toInteger(args[2], m);
  if (offset < 0 || length < 1 || length > most || offset + length > bytes.length) {
    throw new ScriptFailure(`bytes ${offset} to ${offset + length} of ${bytes.length}: 1 to ${most} bytes can be read`);
  }
  const part = Buffer.from(bytes.subarray(offset, offset + length));
  return args[3] === false ? part.reverse() : part;
}

const bytesToWhole =
  (bits: 32 | 64): NativeFunction =>
  (args, m) => {
    const part = slice(args, bits / 8, m);
    return longValue(BigInt.asIntN(bits, BigInt(`0x${part.toString('hex')}`)));
  };

const bytesToReal =
  (bits: 32 | 64): NativeFunction =>
  (args, m) => {
    const part = slice(args, bits / 8, m);
    return realOfBits(BigInt(`0x${part.toString('hex')}`), bits);
  };

/** Hexadecimal text whose bytes may come in reverse order. */
function ordered(value: Value, littleEnd: boolean, m: Meter): string {
  const bytes = fromHex(value, m);
  return (littleEnd ? bytes.reverse() : bytes).toString('hex');
}

type Parse = (bits: 32 | 64) => NativeFunction;
const hexTo =
  (parse: Parse, bits: 32 | 64, littleEnd?: boolean): NativeFunction =>
  ([value, bigEnd], m) =>
    parse(bits)([ordered(value, littleEnd ?? bigEnd === false, m), 16], m);

/** intToHex and longToHex (value, bigEndian = true, prefix = false, digits). */
const toHex =
  (bits: 32 | 64): NativeFunction =>
  ([value, bigEnd, prefix, length], m) => {
    const number = toInteger(value, m);
    if (!Number.isSafeInteger(number)) throw new ScriptFailure('expected a whole number');
    let hex = BigInt.asUintN(64, BigInt(number)).toString(16).toUpperCase();
    if (number < 0) hex = withoutSign(hex, bits / 4);
    if (hex.length % 2 === 1) hex = `0${hex}`;
    const bytes = bigEnd === false ? Buffer.from(hex, 'hex').reverse().toString('hex').toUpperCase() : hex;
    const wanted = length === undefined ? bytes.length : toInteger(length, m);
    if (wanted < 0 || wanted > bytes.length)
      throw new ScriptFailure(`the number has ${bytes.length} digits, not ${wanted}`);
    return `${prefix === true ? '0x' : ''}${bytes.slice(bytes.length - wanted)}`;
  };

/** The shortest even number of digits that still begins with an F. */
function withoutSign(hex: string, most: number): string {
  let digits = hex.replace(/^F+(?!$)/, '');
  if (digits.length % 2 === 1) digits = `F${digits}`;
  if (digits.length > most) return digits.slice(-most);
  return digits.length === most ? digits : `FF${digits}`;
}

const hexOf = (bytes: Buffer, m: Meter): string => m.text(bytes.toString('hex').toUpperCase());

/** TBEL's helpers for bytes, base64 and hexadecimal texts. */
export const byteFunctions: Readonly<Record<string, NativeFunction>> = {
  stringToBytes: ([text, set], m) => {
    if (typeof text !== 'string') throw new ScriptFailure(`stringToBytes: expected a text, not ${nameOf(text)}`);
    return toList(Buffer.from(text, charset(set, m)), m);
  },
  bytesToString: ([list, set], m) => m.text(fromList(list, m).toString(charset(set, m))),
  decodeToString: ([list], m) => m.text(fromList(list, m).toString('utf8')),
  btoa: ([text], m) => m.text(Buffer.from(toText(text, m), 'utf8').toString('base64')),
  atob: ([text], m) => m.text(fromBase64(text, m).toString('utf8')),
  base64ToHex: ([text], m) => hexOf(fromBase64(text, m), m),
  base64ToBytes: ([text], m) => toList(fromBase64(text, m), m),
  bytesToBase64: ([list], m) => m.text(fromList(list, m).toString('base64')),
  bytesToHex: ([list], m) => hexOf(fromList(list, m), m),
  hexToBytes: ([text], m) => toList(fromHex(text, m), m),
  printUnsignedBytes: ([list], m) => Array.from(fromList(list, m)),
  intToHex: toHex(32),
  longToHex: toHex(64),
  parseBytesToInt: bytesToWhole(32),
  parseBytesToLong: bytesToWhole(64),
  parseBytesToFloat: bytesToReal(32),
  parseBytesToDouble: bytesToReal(64),
  parseHexToInt: hexTo(parseWhole, 32),
  parseHexToLong: hexTo(parseWhole, 64),
  parseHexToFloat: hexTo(parseReal, 32),
  parseHexToDouble: hexTo(parseReal, 64),
  parseBigEndianHexToInt: hexTo(parseWhole, 32, false),
  parseBigEndianHexToLong: hexTo(parseWhole, 64, false),
  parseBigEndianHexToFloat: hexTo(parseReal, 32, false),
  parseBigEndianHexToDouble: hexTo(parseReal, 64, false),
  parseLittleEndianHexToInt: hexTo(parseWhole, 32, true),
  parseLittleEndianHexToLong: hexTo(parseWhole, 64, true),
  parseLittleEndianHexToFloat: hexTo(parseReal, 32, true),
  parseLittleEndianHexToDouble: hexTo(parseReal, 64, true),
};
