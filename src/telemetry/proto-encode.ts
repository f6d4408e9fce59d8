import {
  ExactNumber,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  plainNotation,
  stringifyJson,
} from '../model/json.ts';
import type { ProtoField, ProtoMessage, ProtoScalar, ProtoType } from '../model/proto-message.ts';
import { entryFields, wireOf } from './proto-decode.ts';

export type ProtoEncoded =
  | { readonly ok: true; readonly value: Buffer }
  | { readonly ok: false; readonly problem: string };

/**
 * Protobuf of a JSON object, by protobuf's own JSON rules: members by either name, unknown ones left out, null as absent,
 * numbers also as texts. An object or array for a text field becomes its JSON text. Nested as deep as the JSON is.
 */
export function encodeProto(type: ProtoMessage, json: JsonObject): ProtoEncoded {
  try {
    return { ok: true, value: message(type, json) };
  } catch (error) {
    if (error instanceof MisfitError) return { ok: false, problem: error.message };
    throw error;
  }
}

class MisfitError extends Error {}

function message(type: ProtoMessage, json: JsonObject): Buffer {
  const parts: Buffer[] = [];
  const chosen = new Set<string>();
  for (const field of type.fields.values()) {
    const value = own(json, field.jsonName) ?? own(json, field.name);
    if (value === undefined || value === null) continue;
    if (field.oneof !== undefined) {
      if (chosen.has(field.oneof)) throw new MisfitError(`${field.oneof} has more than one member`);
      chosen.add(field.oneof);
    }
    write(field, value, parts);
  }
  return Buffer.concat(parts);
}

const own = (json: JsonObject, name: string): JsonValue | undefined =>
  Object.hasOwn(json, name) ? json[name] : undefined;

function write(field: ProtoField, value: JsonValue, parts: Buffer[]): void {
  const { name, type, number } = field;
  if (field.mapKey !== undefined) {
    if (!isJsonObject(value)) throw new MisfitError(`${name} must be an object`);
    const entry: ProtoMessage = { kind: 'message', name, fields: entryFields(field, field.mapKey) };
    for (const [key, one] of Object.entries(value))
      parts.push(...delimited(number, message(entry, { key, value: one })));
  } else if (field.repeated) {
    if (!Array.isArray(value)) throw new MisfitError(`${name} must be an array`);
    const wire = wireOf(type);
    const written = value.map((one) => bytesOf(name, type, one));
    if (wire === 2) for (const one of written) parts.push(...delimited(number, one));
    else if (written.length > 0) parts.push(...delimited(number, Buffer.concat(written)));
  } else {
    const bytes = bytesOf(name, type, value);
    const wire = wireOf(type);
    const isDefault = wire === 2 ? bytes.length === 0 : bytes.every((byte) => byte === 0);
    if (isDefault && !field.presence) return; // an absent field says the same
    if (wire === 2) parts.push(...delimited(number, bytes));
    else parts.push(varint(BigInt(number * 8 + wire)), bytes);
  }
}

const delimited = (number: number, bytes: Buffer): Buffer[] => [
  varint(BigInt(number * 8 + 2)),
  varint(BigInt(bytes.length)),
  bytes,
];

function bytesOf(name: string, type: ProtoType, value: JsonValue): Buffer {
  if (typeof type === 'string') return scalar(name, type, value);
  if (type.kind === 'message') {
    if (!isJsonObject(value)) throw new MisfitError(`${name} must be an object`);
    return message(type, value);
  }
  const number = typeof value === 'string' ? type.numbers.get(value) : undefined;
  return varint(BigInt.asUintN(64, BigInt(number ?? integer(name, value, -(2n ** 31n), 2n ** 31n - 1n))));
}

function scalar(name: string, type: ProtoScalar, value: JsonValue): Buffer {
  switch (type) {
    case 'string':
      return Buffer.from(textOf(value));
    case 'bytes':
      if (typeof value !== 'string') throw new MisfitError(`${name} must be base64 text`);
      return Buffer.from(value, 'base64');
    case 'bool':
      if (value === true || value === 'true') return Buffer.of(1);
      if (value === false || value === 'false') return Buffer.of(0);
      throw new MisfitError(`${name} must be true or false`);
    case 'double':
    case 'float': {
      const bytes = Buffer.alloc(type === 'double' ? 8 : 4);
      if (type === 'double') bytes.writeDoubleLE(decimal(name, value));
      else bytes.writeFloatLE(decimal(name, value));
      return bytes;
    }
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return whole(type, integer(name, value, -(2n ** 31n), 2n ** 31n - 1n));
    case 'uint32':
    case 'fixed32':
      return whole(type, integer(name, value, 0n, 2n ** 32n - 1n));
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return whole(type, integer(name, value, -(2n ** 63n), 2n ** 63n - 1n));
    case 'uint64':
    case 'fixed64':
      return whole(type, integer(name, value, 0n, 2n ** 64n - 1n));
  }
}

function whole(type: ProtoScalar, value: bigint): Buffer {
  if (type.startsWith('sint')) return varint(value < 0n ? -value * 2n - 1n : value * 2n);
  if (!type.includes('fixed')) return varint(BigInt.asUintN(64, value));
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return type.endsWith('32') ? bytes.subarray(0, 4) : bytes;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** No 64-bit integer has more digits. */
const WHOLE = /^(-?\d{1,20})(?:\.0+)?$/;

function integer(name: string, value: JsonValue, least: bigint, most: bigint): bigint {
  const text = typeof value === 'string' || isNumber(value) ? plainNotation(String(value)) : '';
  const digits = WHOLE.exec(text)?.[1];
  const number = digits === undefined ? undefined : BigInt(digits);
  if (number === undefined) throw new MisfitError(`${name} must be a whole number`);
  if (number < least || number > most) throw new MisfitError(`${name} must be from ${least} to ${most}`);
  return number;
}

const DECIMAL = /^(?:-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;

function decimal(name: string, value: JsonValue): number {
  if ((typeof value === 'string' || isNumber(value)) && DECIMAL.test(String(value))) return Number(String(value));
  throw new MisfitError(`${name} must be a number`);
}

function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return stringifyJson(value);
}

const isNumber = (value: JsonValue): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber;
