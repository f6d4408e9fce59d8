import { BrokerError } from '../../errors.ts';
import { type JsonObject, stringifyJson } from '../../model/json.ts';
import type { AttributeScope } from '../../model/telemetry.ts';
import type { Tables } from './environment.ts';
import { digestKey, ID_BYTES, joinKey } from './keys.ts';
import type { Tx } from './sequence.ts';

/** Longer attribute keys stand in the table by their digest. */
const MAX_KEY_BYTES = 400;
export const SCOPE_BYTES = { CLIENT_SCOPE: 1, SHARED_SCOPE: 2, SERVER_SCOPE: 3 } as const satisfies Record<
  AttributeScope,
  number
>;
const HEADER = 18;

/** One stored attribute: `[order, ts, key length, key, JSON text]`. */
export interface StoredAttribute {
  /** Sequence of its first write: the order of listing. */
  readonly order: number;
  readonly ts: number;
  readonly key: string;
  readonly text: string;
}

export const scopePrefix = (id: Buffer, scope: AttributeScope): Buffer =>
  joinKey(id, Buffer.from([SCOPE_BYTES[scope]]));

export function attributeKey(id: Buffer, scope: AttributeScope, key: string): Buffer {
  const length = Buffer.byteLength(key, 'utf8');
  // Digest and text differ in length or in the byte before: 0 for a digest, 1 for a text.
  if (length > MAX_KEY_BYTES) return joinKey(scopePrefix(id, scope), Buffer.from([0]), digestKey(key));
  const at = Buffer.allocUnsafe(id.length + 2 + length);
  id.copy(at);
  at[id.length] = SCOPE_BYTES[scope];
  at[id.length + 1] = 1;
  at.write(key, id.length + 2, 'utf8');
  return at;
}

export function packAttribute({ order, ts, key, text }: StoredAttribute): Buffer {
  const keyBytes = Buffer.byteLength(key, 'utf8');
  const bytes = Buffer.allocUnsafe(HEADER + keyBytes + Buffer.byteLength(text, 'utf8'));
  bytes.writeUIntBE(order, 0, 6);
  bytes.writeDoubleBE(ts, 6);
  bytes.writeUInt32BE(keyBytes, 14);
  bytes.write(key, HEADER, 'utf8');
  bytes.write(text, HEADER + keyBytes, 'utf8');
  return bytes;
}

export function unpackAttribute(bytes: Buffer): StoredAttribute {
  const keyEnd = HEADER + bytes.readUInt32BE(14);
  return {
    order: bytes.readUIntBE(0, 6),
    ts: bytes.readDoubleBE(6),
    key: bytes.toString('utf8', HEADER, keyEnd),
    text: bytes.toString('utf8', keyEnd),
  };
}

export interface AttributeTexts {
  readonly id: Buffer;
  readonly scope: AttributeScope;
  readonly ts: number;
  /** Key and JSON text. */
  readonly texts: readonly (readonly [string, string])[];
  readonly onlyOnChange: boolean;
}

/** Inside a transaction; the entity exists. Gives the keys that were written. */
export function putAttributes({ attributes }: Tables, tx: Tx, write: AttributeTexts): readonly string[] {
  const written: string[] = [];
  for (const [key, text] of write.texts) {
    const at = attributeKey(write.id, write.scope, key);
    const former = attributes.view(at);
    const size = former === undefined ? 0 : attributes.size();
    if (former && write.onlyOnChange && unpackAttribute(former.subarray(0, size)).text === text) continue;
    const order = former === undefined ? tx.nextSequence() : former.readUIntBE(0, 6);
    attributes.put(at, packAttribute({ order, ts: write.ts, key, text }));
    written.push(key);
  }
  return written;
}

export function readAttribute(
  { attributes }: Tables,
  id: Buffer,
  scope: AttributeScope,
  key: string,
): StoredAttribute | undefined {
  const bytes = attributes.get(attributeKey(id, scope, key));
  return bytes && unpackAttribute(bytes);
}

/** The entity's part of the table. */
export const attributesOf = (id: Buffer): { from: Buffer; to: Buffer } => ({
  from: id.subarray(0, ID_BYTES),
  to: joinKey(id, Buffer.from([0xff])),
});

/** Keys with the JSON text of their values; what cannot be written as JSON is refused before anything is queued. */
export function attributeTexts(values: JsonObject): readonly (readonly [string, string])[] {
  try {
    return Object.entries(values).map(([key, value]) => [key, stringifyJson(value)] as const);
  } catch (cause) {
    throw new BrokerError('BAD_REQUEST', { detail: 'A value cannot be written as JSON.' }, { cause });
  }
}
