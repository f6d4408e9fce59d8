/** Scalar types of proto3. */
export const PROTO_SCALARS = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const;
export type ProtoScalar = (typeof PROTO_SCALARS)[number];

/** An open enum of proto3: numbers without a name may come. */
export interface ProtoEnum {
  readonly kind: 'enum';
  readonly name: string;
  /** The first name of each number. */
  readonly names: ReadonlyMap<number, string>;
  readonly numbers: ReadonlyMap<string, number>;
}

export type ProtoType = ProtoScalar | ProtoEnum | ProtoMessage;

export interface ProtoField {
  readonly number: number;
  /** As the schema spells it. */
  readonly name: string;
  /** lowerCamelCase, as protobuf's own JSON form and ThingsBoard have it. */
  readonly jsonName: string;
  /** Of the values, for a map. */
  readonly type: ProtoType;
  readonly repeated: boolean;
  /** Present: the field is a map with keys of this type. */
  readonly mapKey?: ProtoScalar;
  /** Whether an absent value differs from the default one: `optional`, messages, members of a oneof. */
  readonly presence: boolean;
  readonly oneof?: string;
}

/** A message type. It may refer to itself. */
export interface ProtoMessage {
  readonly kind: 'message';
  readonly name: string;
  readonly fields: ReadonlyMap<number, ProtoField>;
}

export const isProtoMessage = (type: ProtoType): type is ProtoMessage =>
  typeof type === 'object' && type.kind === 'message';

/** protobuf's rule for JSON names: underscores go, the letter behind one becomes a capital. */
export const protoJsonName = (name: string): string =>
  name.replace(/_+([^_]?)/g, (_, next: string) => next.toUpperCase());
