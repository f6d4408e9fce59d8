/** One value of DER: `whole` with tag and length, `content` without. */
export interface Der {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  none: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The values that stand one behind another in the bytes; undefined when they are no DER. */
export function readAll(bytes: Buffer): readonly Der[] | undefined {
  const values: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = readOne(bytes, at);
    if (!value) return undefined;
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

/** The members of a sequence that is all there is in the bytes. */
export function readSequence(bytes: Buffer): readonly Der[] | undefined {
  const [only, ...rest] = readAll(bytes) ?? [];
  return only?.tag === TAG.sequence && rest.length === 0 ? readAll(only.content) : undefined;
}

/** Lengths of at most three bytes: nothing here is longer. */
function readOne(bytes: Buffer, at: number): Der | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 3 || at + 2 + lengthBytes > bytes.length) return undefined;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const start = at + 2 + lengthBytes;
  const end = start + length;
  return end > bytes.length ? undefined : { tag, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}

export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 0x1_00 ? 1 : length < 0x1_00_00 ? 2 : 3;
  const head = Buffer.alloc(2 + bytes);
  head[0] = tag;
  head[1] = 0x80 | bytes;
  head.writeUIntBE(length, 2, bytes);
  return Buffer.concat([head, content]);
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => der(TAG.sequence, ...contents);

/** @param id in hex, as it stands in DER. */
export const oid = (id: string): Buffer => der(TAG.oid, Buffer.from(id, 'hex'));

/** A bit string of whole bytes. */
export const bits = (content: Uint8Array): Buffer => der(TAG.bits, Buffer.from([0]), content);

/** RFC 5280 4.1.2.5: two digits of the year until 2049. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d{3}/g, '');
  return digits < '2050' ? der(TAG.utcTime, Buffer.from(digits.slice(2))) : der(TAG.time, Buffer.from(digits));
}
