import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import { numberFromText } from '../model/json-number.ts';
import {
  isProtoMessage,
  type ProtoField,
  type ProtoMessage,
  type ProtoScalar,
  type ProtoType,
} from '../model/proto-message.ts';
import { ProtoReader } from './proto-reader.ts';

export type ProtoDecoded =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: string };

export interface ProtoLimits {
  readonly maxDepth: number;
  /** Keys in the result, defaults and elements that are messages counted. */
  readonly maxKeys: number;
}

/** A message as it was read: a singular message that comes twice is merged before it becomes JSON. */
interface Raw {
  readonly values: Map<number, RawValue>;
  /** The member of each oneof that came last. */
  readonly chosen: Map<string, number>;
}
type RawValue = JsonValue | Raw | RawValue[] | Map<string, RawValue>;

/**
 * A protobuf message in protobuf's own JSON form, as ThingsBoard prints it: lowerCamelCase names, defaults where absence
 * cannot be told, enums by name, bytes in base64. Unlike there 64-bit integers are numbers, and doubles keep their point.
 * Unknown fields are skipped, groups refused: with them every JSON object, so that the two forms cannot be mistaken.
 */
export function decodeProto(type: ProtoMessage, bytes: Uint8Array, limits: ProtoLimits): ProtoDecoded {
  const decoder = new Decoder(new ProtoReader(bytes), limits);
  const value = decoder.decode(type);
  return decoder.problem === undefined ? { ok: true, value } : { ok: false, problem: decoder.problem };
}

/** The wire form of a scalar: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
export function wireOf(type: ProtoType): 0 | 1 | 2 | 5 {
  if (typeof type === 'object') return type.kind === 'enum' ? 0 : 2;
  switch (type) {
    case 'string':
    case 'bytes':
      return 2;
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 1;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 5;
    default:
      return 0;
  }
}

class Decoder {
  readonly #reader: ProtoReader;
  readonly #limits: ProtoLimits;
  #keys = 0;

  constructor(reader: ProtoReader, limits: ProtoLimits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  get problem(): string | undefined {
    return this.#reader.problem;
  }

  decode(type: ProtoMessage): JsonObject {
    const raw = newRaw();
    this.#read(type, raw, 1);
    return this.problem === undefined ? this.#object(type, raw) : {};
  }

  #read(type: ProtoMessage, raw: Raw, depth: number): void {
    const reader = this.#reader;
    if (depth > this.#limits.maxDepth) {
      reader.fail(`messages are nested deeper than ${this.#limits.maxDepth}`);
      return;
    }
    while (!reader.done) {
      reader.varint();
      const { low, high } = reader;
      const wire = low & 7;
      if (low >>> 3 === 0 || high !== 0) reader.fail('a field has no valid number');
      else if (wire === 3 || wire === 4) reader.fail('groups are not supported');
      else if (wire > 5) reader.fail('a field has no valid type');
      else {
        const field = type.fields.get(low >>> 3);
        // A known field of another type counts as unknown, as for every reader of protobuf.
        if (!field || !this.#field(field, wire, raw, depth)) reader.skip(wire);
      }
    }
  }

  /** False when the value was not read, since it is of another type than the schema says. */
  #field(field: ProtoField, wire: number, raw: Raw, depth: number): boolean {
    const { type, number } = field;
    if (field.mapKey !== undefined) {
      if (wire !== 2) return false;
      const entries = (raw.values.get(number) as Map<string, RawValue> | undefined) ?? new Map<string, RawValue>();
      raw.values.set(number, entries);
      this.#entry(field, field.mapKey, entries, depth);
      return true;
    }
    const own = wireOf(type);
    if (field.repeated) {
      const packed = wire === 2 && own !== 2;
      if (wire !== own && !packed) return false;
      const list = (raw.values.get(number) as RawValue[] | undefined) ?? [];
      raw.values.set(number, list);
      if (!packed) list.push(this.#value(type, depth));
      else
        this.#reader.within(() => {
          while (!this.#reader.done) list.push(this.#value(type, depth));
        });
      return true;
    }
    if (wire !== own) return false;
    if (field.oneof !== undefined) {
      const before = raw.chosen.get(field.oneof);
      if (before !== undefined && before !== number) raw.values.delete(before);
      raw.chosen.set(field.oneof, number);
    }
    raw.values.set(number, this.#value(type, depth, raw.values.get(number)));
    return true;
  }

  #entry(field: ProtoField, keyType: ProtoScalar, entries: Map<string, RawValue>, depth: number): void {
    const type: ProtoMessage = { kind: 'message', name: field.name, fields: entryFields(field, keyType) };
    const raw = newRaw();
    this.#countKey();
    this.#reader.within(() => this.#read(type, raw, depth + 1));
    const key = String(raw.values.get(1) ?? defaultOf(keyType));
    entries.set(key, raw.values.get(2) ?? (isProtoMessage(field.type) ? newRaw() : defaultOf(field.type)));
  }

  /** @param former a message that came before, to be merged with. */
  #value(type: ProtoType, depth: number, former?: RawValue): RawValue {
    const reader = this.#reader;
    if (typeof type === 'string') return readScalar(reader, type);
    if (type.kind === 'enum') {
      reader.varint();
      return type.names.get(reader.low | 0) ?? reader.low | 0;
    }
    const raw = (former as Raw | undefined) ?? newRaw();
    if (former === undefined) this.#countKey();
    reader.within(() => this.#read(type, raw, depth + 1));
    return raw;
  }

  #object(type: ProtoMessage, raw: Raw): JsonObject {
    const object: JsonObject = {};
    for (const field of type.fields.values()) {
      const value = raw.values.get(field.number);
      if (value === undefined && field.presence) continue;
      if (!this.#countKey()) return object;
      put(object, field.jsonName, value === undefined ? absent(field) : this.#json(field, value));
    }
    return object;
  }

  #json(field: ProtoField, value: RawValue): JsonValue {
    if (field.mapKey !== undefined) {
      const object: JsonObject = {};
      for (const [key, one] of value as Map<string, RawValue>) put(object, key, this.#single(field.type, one));
      return object;
    }
    if (field.repeated) return (value as RawValue[]).map((one) => this.#single(field.type, one));
    return this.#single(field.type, value);
  }

  #single(type: ProtoType, value: RawValue): JsonValue {
    return isProtoMessage(type) ? this.#object(type, value as Raw) : (value as JsonValue);
  }

  #countKey(): boolean {
    if (++this.#keys <= this.#limits.maxKeys) return true;
    this.#reader.fail(`holds more than ${this.#limits.maxKeys} keys`);
    return false;
  }
}

const newRaw = (): Raw => ({ values: new Map(), chosen: new Map() });

const entryTypes = new WeakMap<ProtoField, ProtoMessage['fields']>();

/** A map's entries are messages with key 1 and value 2. */
export function entryFields(field: ProtoField, keyType: ProtoScalar): ProtoMessage['fields'] {
  const known = entryTypes.get(field);
  if (known) return known;
  const base = { repeated: false, presence: true };
  const fields = new Map<number, ProtoField>([
    [1, { ...base, number: 1, name: 'key', jsonName: 'key', type: keyType }],
    [2, { ...base, number: 2, name: 'value', jsonName: 'value', type: field.type }],
  ]);
  entryTypes.set(field, fields);
  return fields;
}

function absent(field: ProtoField): JsonValue {
  if (field.mapKey !== undefined) return {};
  return field.repeated ? [] : defaultOf(field.type);
}

function defaultOf(type: ProtoType): JsonValue {
  if (typeof type === 'object') return type.kind === 'enum' ? (type.names.get(0) ?? 0) : {};
  if (type === 'string' || type === 'bytes') return '';
  if (type === 'bool') return false;
  return type === 'double' || type === 'float' ? new ExactNumber('0.0') : 0;
}

function readScalar(reader: ProtoReader, type: ProtoScalar): JsonValue {
  switch (type) {
    case 'double':
      return pointed(reader.double());
    case 'float':
      return pointed(shortest(reader.float()));
    case 'string':
      return reader.text();
    case 'bytes':
      return reader.bytes().toString('base64');
    case 'fixed32':
      reader.fixed32();
      return reader.low;
    case 'sfixed32':
      reader.fixed32();
      return reader.low | 0;
    case 'fixed64':
    case 'sfixed64':
      reader.fixed64();
      return wide(reader, type === 'sfixed64');
  }
  reader.varint();
  const { low } = reader;
  switch (type) {
    case 'bool':
      return low !== 0 || reader.high !== 0;
    case 'int32':
      return low | 0;
    case 'uint32':
      return low;
    case 'sint32':
      return (low >>> 1) ^ -(low & 1);
    case 'sint64': {
      const zigzag = (BigInt(reader.high) << 32n) | BigInt(low);
      return numberFromText(String((zigzag >> 1n) ^ -(zigzag & 1n)));
    }
    default:
      return wide(reader, type === 'int64');
  }
}

function wide({ low, high }: ProtoReader, signed: boolean): JsonValue {
  if (high < 0x20_0000) return high * 0x1_0000_0000 + low;
  const value = (BigInt(high) << 32n) | BigInt(low);
  return numberFromText(String(signed ? BigInt.asIntN(64, value) : value));
}

/** A double stays one when it is integral: `25` would be a whole number from then on (thingsboard-device-api 3.3). */
function pointed(value: number): JsonValue {
  if (!Number.isFinite(value)) return String(value);
  if (!Number.isInteger(value)) return numberFromText(String(value));
  return new ExactNumber(`${Object.is(value, -0) ? '-0' : BigInt(value)}.0`);
}

/** The shortest decimal that is this 32-bit float: 0.1 instead of 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}

// A plain assignment would call the setter of `__proto__` instead of storing the key.
function put(object: JsonObject, key: string, value: JsonValue): void {
  if (key !== '__proto__') (object as Record<string, JsonValue>)[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
