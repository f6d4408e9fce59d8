import { isAscii, isUtf8 } from 'node:buffer';
import {
  type JsonLimits,
  type JsonObject,
  type JsonResult,
  type JsonValue,
  parseExactJson,
} from './json-exact-parser.ts';
import { ExactNumber, exactNumbersSerialised } from './json-number.ts';

export type { JsonLimits, JsonObject, JsonProblem, JsonResult, JsonValue } from './json-exact-parser.ts';
export { castString, castText, ExactNumber, type NumberKind, numberKind, plainNotation } from './json-number.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Any decimal of this many digits survives the way through a double. */
const SAFE_DIGITS = 15;

/**
 * Strict JSON (RFC 8259) with every number's text kept. Refuses invalid UTF-8, lone surrogates and a byte order mark;
 * of duplicate keys the last wins. Never throws, linear time, no recursion. Ordinary texts go through JSON.parse.
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits): JsonResult {
  if (typeof input === 'string')
    return SURROGATE.test(input) ? parseWithSurrogates(input, limits) : parse(input, limits);
  const text = utf8Text(input);
  if (text === undefined) return { ok: false, error: { problem: 'invalid UTF-8', at: invalidUtf8At(input) } };
  const result = parse(text, limits);
  if (result.ok) return result;
  const { problem, at } = result.error;
  return { ok: false, error: { problem, at: Buffer.byteLength(text.slice(0, at)) } };
}

/** Whether a JSON value is an object: no array, and no number whose text is kept. */
export const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

/** The text that bytes are in UTF-8; undefined when they are not. */
export function utf8Text(input: Uint8Array): string | undefined {
  const bytes = Buffer.isBuffer(input) ? input : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function parseWithSurrogates(text: string, limits: JsonLimits): JsonResult {
  const lone = LONE_SURROGATE.exec(text);
  return lone === null ? parse(text, limits) : { ok: false, error: { problem: 'lone surrogate', at: lone.index } };
}

function parse(text: string, limits: JsonLimits): JsonResult {
  if (isPlain(text, limits)) {
    try {
      return { ok: true, value: JSON.parse(text) };
    } catch {
      // Not JSON: the exact parser says where and why.
    }
  }
  return parseExactJson(text, limits);
}

/** Whether JSON.parse, if it accepts the text, gives just what the exact parser would. False only costs time. */
function isPlain(text: string, limits: JsonLimits): boolean {
  const { maxDepth, maxKeys = Number.POSITIVE_INFINITY } = limits;
  const length = text.length;
  let depth = 0;
  let keys = 0;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at + 1);
      if (at < 0) return false;
    } else if ((code >= ZERO && code <= NINE) || code === MINUS) {
      at = endOfPlainNumber(text, at) - 1;
      if (at < 0) return false;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) return false;
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    } else if (code === COLON && ++keys > maxKeys) {
      return false;
    }
  }
  return true;
}

/** Index of the closing quote; -1 when there is none or an escape names a surrogate, which JSON.parse lets pass alone. */
function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) {
      at++;
      if (text.charCodeAt(at) === 0x75 && (text.charCodeAt(at + 1) | 0x20) === 0x64) return -1;
    }
  }
  return -1;
}

/** Index behind a number whose text String(Number(text)) gives back; -1 when it does not, or might not. */
function endOfPlainNumber(text: string, start: number): number {
  const negative = text.charCodeAt(start) === MINUS;
  const first = negative ? start + 1 : start;
  let at = first;
  let code = text.charCodeAt(at);
  while (code >= ZERO && code <= NINE) code = text.charCodeAt(++at);
  const zero = text.charCodeAt(first) === ZERO;
  if ((code | 0x20) === 0x65) return -1;
  if (code !== POINT) return at - first <= SAFE_DIGITS && !(zero && negative) ? at : -1;
  const fraction = ++at;
  code = text.charCodeAt(at);
  let significant = zero ? -1 : fraction - 1;
  while (code >= ZERO && code <= NINE) {
    if (significant < 0 && code !== ZERO) significant = at;
    code = text.charCodeAt(++at);
  }
  if ((code | 0x20) === 0x65 || at === fraction || text.charCodeAt(at - 1) === ZERO) return -1;
  // Below 1e-6 String() turns to an exponent.
  if (zero && significant - fraction > 5) return -1;
  if (at - first - 1 <= SAFE_DIGITS) return at;
  const token = text.slice(start, at);
  const value = Number(token);
  return String(value) === token && !Number.isInteger(value) ? at : -1;
}

function invalidUtf8At(input: Uint8Array): number {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  // Decoding puts U+FFFD for the first broken sequence; a U+FFFD that was sent as such is three good bytes.
  let at = 0;
  for (const character of bytes.toString('utf8')) {
    if (character === '\ufffd' && bytes.compare(REPLACEMENT, 0, 3, at, Math.min(at + 3, bytes.length)) !== 0) return at;
    at += Buffer.byteLength(character);
  }
  return at;
}

const REPLACEMENT = Buffer.from('\ufffd');

/** Compact JSON text, ExactNumber as its own digits. Values nest no deeper than parseJson let them. */
export function stringifyJson(value: JsonValue): string {
  const before = exactNumbersSerialised();
  const text = JSON.stringify(value);
  return exactNumbersSerialised() === before ? text : write(value);
}

function write(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const members: string[] = [];
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${write(member)}`);
  }
  return `{${members.join(',')}}`;
}
