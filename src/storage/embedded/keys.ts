import { createHash } from 'node:crypto';
import { BrokerError } from '../../errors.ts';
import { ENTITY_TYPES, type EntityId, type EntityType } from '../../model/entity.ts';
import { corrupt } from '../stored-json.ts';

/** Length of an id in a key. */
export const ID_BYTES = 16;
/** Length of a sequence number in a key. */
export const SEQUENCE_BYTES = 6;
/** LMDB takes keys of up to 1,978 bytes; the rest is room for what stands in front of a text. */
const MAX_TEXT_BYTES = 1800;

const NIBBLES = new Int8Array(128).fill(-1);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  NIBBLES[digit.charCodeAt(0)] = value;
  NIBBLES[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Writes a UUID as 16 bytes; false when the text is not one, the target is then undefined. */
export function writeId(id: string, target: Uint8Array, offset: number): boolean {
  if (id.length !== 36) return false;
  let at = offset;
  for (let i = 0; i < 36; ) {
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (id.charCodeAt(i) !== 45) return false;
      i++;
      continue;
    }
    const value = (nibble(id.charCodeAt(i)) << 4) | nibble(id.charCodeAt(i + 1));
    if (value < 0) return false;
    target[at++] = value;
    i += 2;
  }
  return true;
}

const nibble = (code: number): number => (code < 128 ? (NIBBLES[code] ?? -1) : -1);

/** The 16 bytes of a UUID, or undefined when the text is not one: such a thing is never in the store. */
export function idKey(id: string): Buffer | undefined {
  const key = Buffer.allocUnsafe(ID_BYTES);
  return writeId(id, key, 0) ? key : undefined;
}

/** The 16 bytes of a UUID that is about to be stored. */
export function newIdKey(id: string): Buffer {
  const key = idKey(id);
  if (key === undefined) throw new BrokerError('BAD_REQUEST', { detail: 'An id is not a UUID.' });
  return key;
}

/** UUID text of the 16 bytes at `offset`. */
export function idText(key: Buffer, offset = 0): string {
  const hex = key.toString('hex', offset, offset + ID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A text as a key, ordered by its UTF-8 bytes. Never empty: LMDB refuses empty keys. */
export function textKey(text: string): Buffer {
  return joinKey(TEXT, utf8(text));
}

const TEXT = Buffer.from([1]);
const END = Buffer.from([0]);

/** The text of a `textKey`. */
export const textOf = (key: Buffer): string => key.toString('utf8', 1, key.length);

/** Bytes of a text that stands last in a key. */
export function utf8(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MAX_TEXT_BYTES) throw new BrokerError('BAD_REQUEST', { detail: 'A name is too long.' });
  return bytes;
}

/** Bytes of a text that other parts of a key follow: closed with a NUL, which the text must not hold. */
export function closedUtf8(text: string): Buffer {
  if (text.includes('\0')) throw new BrokerError('BAD_REQUEST', { detail: 'A name holds the character U+0000.' });
  return Buffer.concat([utf8(text), END]);
}

export const joinKey = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

/** A fixed-length stand-in for texts of any length. */
export const digestKey = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** The first key behind all keys that begin with `prefix`. */
export function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.alloc(prefix.length + 1, 0xff);
}

/** A sequence number as an order-preserving key. */
export function sequenceKey(sequence: number): Buffer {
  const key = Buffer.allocUnsafe(SEQUENCE_BYTES);
  key.writeUIntBE(sequence, 0, SEQUENCE_BYTES);
  return key;
}

const ENTITY_TAGS = { DEVICE: 1, ASSET: 2, CUSTOMER: 3, TENANT: 4 } as const satisfies Record<EntityType, number>;
const TYPES_BY_TAG = new Map(ENTITY_TYPES.map((type) => [ENTITY_TAGS[type], type]));

/** Tag and id of one end of a relation; undefined when the id is not a UUID. */
export function entityKey(entity: EntityId): Buffer | undefined {
  const key = Buffer.allocUnsafe(1 + ID_BYTES);
  key[0] = ENTITY_TAGS[entity.entityType];
  return writeId(entity.id, key, 1) ? key : undefined;
}

export function entityOf(key: Buffer, offset: number): EntityId {
  const entityType = TYPES_BY_TAG.get(key[offset] as 1);
  if (entityType === undefined) throw corrupt('a relation has an end of an unknown type');
  return { entityType, id: idText(key, offset + 1) };
}
