/** Numbers of RFC 7252, 7641 and 7959 that this front uses; a code is its class in three bits and its detail in five. */
export const CODES = {
  empty: 0x00,
  get: 0x01,
  post: 0x02,
  created: 0x41,
  deleted: 0x42,
  valid: 0x43,
  content: 0x45,
  continue: 0x5f,
  badRequest: 0x80,
  unauthorized: 0x81,
  badOption: 0x82,
  notFound: 0x84,
  methodNotAllowed: 0x85,
  incomplete: 0x88,
  tooLarge: 0x8d,
  internalError: 0xa0,
  unavailable: 0xa3,
  noProxy: 0xa5,
} as const;

export const OPTIONS = {
  uriHost: 3,
  etag: 4,
  observe: 6,
  uriPort: 7,
  uriPath: 11,
  contentFormat: 12,
  uriQuery: 15,
  accept: 17,
  block2: 23,
  block1: 27,
  size2: 28,
  proxyUri: 35,
  proxyScheme: 39,
  size1: 60,
} as const;

const TYPES = ['con', 'non', 'ack', 'rst'] as const;
/** Confirmable, non-confirmable, acknowledgement, reset. */
export type MessageType = (typeof TYPES)[number];

export interface CoapOption {
  readonly number: number;
  readonly value: Buffer;
}

export interface CoapMessage {
  readonly type: MessageType;
  readonly code: number;
  readonly id: number;
  readonly token: Buffer;
  /** In the order of their numbers. */
  readonly options: readonly CoapOption[];
  readonly payload: Buffer;
}

/** `reset`: the id of a confirmable message that must be answered with a reset. */
export type Decoded =
  | { readonly ok: true; readonly message: CoapMessage }
  | { readonly ok: false; readonly problem: string; readonly reset?: number };

const VERSION = 1;
const HEADER_BYTES = 4;
const MAX_TOKEN_BYTES = 8;
const PAYLOAD_MARKER = 0xff;
/** No request of the device API has more; each costs an object. */
const MAX_OPTIONS = 64;
export const NOTHING = Buffer.alloc(0);

/** Reads one datagram (RFC 7252 3). Never throws. Token, options and payload are parts of `bytes`. */
export function decodeMessage(bytes: Buffer): Decoded {
  const [first = 0, code = 0] = bytes;
  if (bytes.length < HEADER_BYTES) return { ok: false, problem: 'shorter than a header' };
  if (first >> 6 !== VERSION) return { ok: false, problem: 'another version' };
  const type = TYPES[(first >> 4) & 3] ?? 'non';
  const id = bytes.readUInt16BE(2);
  const fail = (problem: string): Decoded => ({ ok: false, problem, ...(type === 'con' ? { reset: id } : {}) });
  const tokenBytes = first & 15;
  const start = HEADER_BYTES + tokenBytes;
  if (tokenBytes > MAX_TOKEN_BYTES) return fail('a token of more than 8 bytes');
  if (start > bytes.length) return fail('the token is cut off');
  if (code === CODES.empty && bytes.length > HEADER_BYTES) return fail('an empty message that is not empty');
  if (![0, 2, 4, 5].includes(code >> 5)) return fail('a reserved code');
  const rest = readOptions(bytes, start);
  if (typeof rest === 'string') return fail(rest);
  return { ok: true, message: { type, code, id, token: bytes.subarray(HEADER_BYTES, start), ...rest } };
}

function readOptions(bytes: Buffer, start: number): Pick<CoapMessage, 'options' | 'payload'> | string {
  const options: CoapOption[] = [];
  let number = 0;
  let at = start;
  /** A nibble of an option's head, with the bytes that extend it; undefined: cut off or reserved. */
  const extended = (nibble: number): number | undefined => {
    if (nibble < 13) return nibble;
    const width = nibble - 12;
    if (nibble === 15 || at + width > bytes.length) return undefined;
    const value = width === 1 ? bytes.readUInt8(at) + 13 : bytes.readUInt16BE(at) + 269;
    at += width;
    return value;
  };
  while (at < bytes.length) {
    const head = bytes.readUInt8(at++);
    if (head === PAYLOAD_MARKER) {
      return at < bytes.length ? { options, payload: bytes.subarray(at) } : 'a payload marker without payload';
    }
    const delta = extended(head >> 4);
    const length = delta === undefined ? undefined : extended(head & 15);
    if (delta === undefined || length === undefined || at + length > bytes.length) return 'an option is cut off';
    if (options.length >= MAX_OPTIONS) return `more than ${MAX_OPTIONS} options`;
    number += delta;
    if (number > 65_535) return 'an option number above 65535';
    options.push({ number, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return { options, payload: NOTHING };
}

/** Writes one datagram; the options may come in any order. */
export function encodeMessage(message: CoapMessage): Buffer {
  const { type, code, id, token, payload } = message;
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt8((VERSION << 6) | (TYPES.indexOf(type) << 4) | token.length, 0);
  head.writeUInt8(code, 1);
  head.writeUInt16BE(id, 2);
  const parts: Buffer[] = [head, token];
  let last = 0;
  for (const { number, value } of [...message.options].sort((a, b) => a.number - b.number)) {
    const [delta, deltaMore] = nibbleOf(number - last);
    const [length, lengthMore] = nibbleOf(value.length);
    parts.push(Buffer.from([(delta << 4) | length, ...deltaMore, ...lengthMore]), value);
    last = number;
  }
  if (payload.length > 0) parts.push(Buffer.from([PAYLOAD_MARKER]), payload);
  return Buffer.concat(parts);
}

function nibbleOf(value: number): readonly [number, readonly number[]] {
  if (value < 13) return [value, []];
  if (value < 269) return [13, [value - 13]];
  const rest = value - 269;
  return [14, [rest >> 8, rest & 0xff]];
}

/** An option's number value: big-endian, without leading zeros, nothing for 0. */
export function uintOption(number: number, value: number): CoapOption {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return { number, value: Buffer.from(bytes) };
}

/** At most six bytes long, or it is no safe number: the caller has checked. */
export const readUint = (value: Buffer): number => (value.length === 0 ? 0 : value.readUIntBE(0, value.length));

/** `4.04` */
export const codeText = (code: number): string => `${code >> 5}.${String(code & 31).padStart(2, '0')}`;
