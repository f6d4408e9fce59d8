import protobuf from 'protobufjs';
import {
  PROTO_SCALARS,
  type ProtoEnum,
  type ProtoField,
  type ProtoMessage,
  type ProtoScalar,
  type ProtoType,
  protoJsonName,
} from '../model/proto-message.ts';

export type ProtoSchema =
  | { readonly ok: true; readonly message: ProtoMessage }
  /** `line`: of the schema's text, from 1; absent when the fault has no place. */
  | { readonly ok: false; readonly problem: string; readonly line?: number };

const MAX_CHARACTERS = 65_536;
/** Messages inside messages, as the text nests them. */
const MAX_DEPTH = 16;
/** Fields and enum values of the whole schema. */
const MAX_MEMBERS = 2_000;

/** What the parser takes in silence, or refuses without saying what it is. */
const BANNED = [
  { place: /\b__proto__\b/, problem: '__proto__ cannot be used as a name' },
  { place: /\bgroup\s+\w+\s*=/, problem: 'groups are not part of proto3' },
];

/**
 * Compiles a proto3 schema; the message that counts is the last one at the top level, as in ThingsBoard. No imports:
 * there is nowhere to import from. Never throws for what the text says.
 */
export function compileProtoSchema(text: string): ProtoSchema {
  if (text.length > MAX_CHARACTERS) return { ok: false, problem: `is longer than ${MAX_CHARACTERS} characters` };
  const banned = BANNED.find(({ place }) => place.test(text));
  if (banned) return at(text, banned.place, banned.problem);
  let parsed: protobuf.IParserResult;
  try {
    parsed = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
    if (parsed.imports?.length || parsed.weakImports?.length) {
      return at(text, /\bimport\b/, 'imports are not supported: write all messages into this schema');
    }
    if (!/^\s*syntax\s*=\s*(["'])proto3\1\s*;/m.test(withoutComments(text))) {
      return { ok: false, problem: 'must begin with syntax = "proto3";', line: 1 };
    }
    parsed.root.resolveAll();
  } catch (error) {
    return fromParser(text, error);
  }
  const top = parsed.package ? parsed.root.lookup(parsed.package) : parsed.root;
  const messages = (top instanceof protobuf.Namespace ? top.nestedArray : []).filter(
    (one) => one instanceof protobuf.Type,
  );
  const last = messages.at(-1);
  if (last === undefined) return { ok: false, problem: 'holds no message' };
  return new Compiler(text).compile(last);
}

class SchemaProblem extends Error {
  readonly place: RegExp | undefined;
  constructor(problem: string, place?: RegExp) {
    super(problem);
    this.place = place;
  }
}

class Compiler {
  readonly #text: string;
  readonly #messages = new Map<protobuf.Type, ProtoMessage>();
  readonly #enums = new Map<protobuf.Enum, ProtoEnum>();
  #members = 0;

  constructor(text: string) {
    this.#text = text;
  }

  compile(type: protobuf.Type): ProtoSchema {
    try {
      // A list of work, not recursion: the types may form a long chain.
      const todo = [type];
      for (let next = todo.pop(); next !== undefined; next = todo.pop()) this.#fill(next, todo);
      return { ok: true, message: this.#message(type, []) };
    } catch (error) {
      if (!(error instanceof SchemaProblem)) throw error;
      return error.place ? at(this.#text, error.place, error.message) : { ok: false, problem: error.message };
    }
  }

  #message(type: protobuf.Type, todo: protobuf.Type[]): ProtoMessage {
    const known = this.#messages.get(type);
    if (known) return known;
    const message: ProtoMessage = { kind: 'message', name: type.name, fields: new Map() };
    this.#messages.set(type, message);
    todo.push(type);
    return message;
  }

  #fill(type: protobuf.Type, todo: protobuf.Type[]): void {
    const fields = this.#message(type, []).fields as Map<number, ProtoField>;
    const names = new Map<string, string>();
    if (depthOf(type) > MAX_DEPTH)
      throw new SchemaProblem(`messages are nested deeper than ${MAX_DEPTH}`, word(type.name));
    for (const field of [...type.fieldsArray].sort((a, b) => a.id - b.id)) {
      this.#count(1);
      const compiled = this.#field(field, todo);
      const other = names.get(compiled.jsonName);
      if (other !== undefined) {
        const problem = `${other} and ${field.name} of ${type.name} are both "${compiled.jsonName}" in JSON`;
        throw new SchemaProblem(problem, word(field.name));
      }
      names.set(compiled.jsonName, field.name);
      fields.set(field.id, compiled);
    }
  }

  #field(field: protobuf.Field, todo: protobuf.Type[]): ProtoField {
    if (field.id < 1) throw new SchemaProblem(`${field.name} must have a number from 1 on`, word(field.name));
    const map = field instanceof protobuf.MapField;
    const type = this.#type(field, todo);
    const repeated = field.repeated;
    const oneof = field.partOf ?? undefined;
    const message = typeof type === 'object' && type.kind === 'message';
    return {
      number: field.id,
      name: field.name,
      jsonName: protoJsonName(field.name),
      type,
      repeated,
      presence: !repeated && !map && (message || oneof !== undefined),
      ...(map ? { mapKey: field.keyType as ProtoScalar } : {}),
      ...(oneof && !oneof.isProto3Optional ? { oneof: oneof.name } : {}),
    };
  }

  #type(field: protobuf.Field, todo: protobuf.Type[]): ProtoType {
    const { resolvedType } = field;
    if (resolvedType instanceof protobuf.Type) return this.#message(resolvedType, todo);
    if (resolvedType instanceof protobuf.Enum) return this.#enum(resolvedType);
    const scalar = PROTO_SCALARS.find((one) => one === field.type);
    if (!scalar) throw new SchemaProblem(`${field.name} has the unknown type ${field.type}`, word(field.type));
    return scalar;
  }

  #enum(type: protobuf.Enum): ProtoEnum {
    const known = this.#enums.get(type);
    if (known) return known;
    const entries = Object.entries(type.values);
    this.#count(entries.length);
    if (!entries.some(([, number]) => number === 0)) {
      throw new SchemaProblem(`enum ${type.name} has no value 0, which proto3 wants`, word(type.name));
    }
    const names = new Map<number, string>();
    for (const [name, number] of entries) if (!names.has(number)) names.set(number, name);
    const compiled: ProtoEnum = { kind: 'enum', name: type.name, names, numbers: new Map(entries) };
    this.#enums.set(type, compiled);
    return compiled;
  }

  #count(more: number): void {
    this.#members += more;
    if (this.#members > MAX_MEMBERS) {
      throw new SchemaProblem(`has more than ${MAX_MEMBERS} fields and enum values`);
    }
  }
}

function depthOf(type: protobuf.Type): number {
  let depth = 0;
  for (let parent = type.parent; parent instanceof protobuf.Type; parent = parent.parent) depth++;
  return depth;
}

/** The parser names the line of what it cannot read; for a type it cannot find, it only names the type. */
function fromParser(text: string, error: unknown): ProtoSchema {
  const said = error instanceof Error ? error.message : String(error);
  const placed = /^(.*?) \((?:.*, )?line (\d+)\)$/s.exec(said);
  if (placed) {
    const problem = (placed[1] ?? said).replace(/(?:token|end of input) 'null'/, 'end of the schema');
    return { ok: false, problem, line: Number(placed[2]) };
  }
  const missing = /^no such (?:type|type or enum|Type or Enum)[^:']*[:']\s*'?([\w.]+)/i.exec(said);
  if (missing) return at(text, word(missing[1] ?? ''), `there is no type ${missing[1]}`);
  const named = /"?([A-Za-z_]\w*)"?(?: in .*)?$/.exec(said)?.[1];
  return named ? at(text, word(named), said) : { ok: false, problem: said };
}

const word = (name: string): RegExp => new RegExp(`\\b${name.replaceAll(/[^\w]/g, '\\$&')}\\b`);

function at(text: string, place: RegExp, problem: string): ProtoSchema {
  const found = place.exec(text);
  return found ? { ok: false, problem, line: lineOf(text, found) } : { ok: false, problem };
}

function lineOf(text: string, { index, 0: match }: RegExpExecArray): number {
  const start = index + (match.length - match.trimStart().length);
  return text.slice(0, start).split('\n').length;
}

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
