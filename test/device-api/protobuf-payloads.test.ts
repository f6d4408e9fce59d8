import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { type PayloadForm, type PayloadKind, readPayload } from '../../src/device-api/protobuf-payloads.ts';
import type { ProtoMessage } from '../../src/model/proto-message.ts';
import { compileProtoSchema } from '../../src/schema/proto-schema.ts';

const LIMITS = { maxDepth: 8, maxKeys: 100 };

function compile(text: string): ProtoMessage {
  const compiled = compileProtoSchema(text);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.message;
}

const EMPTY = compile('syntax = "proto3"; message E { int32 a = 1; }');

function profile(telemetry: string | undefined, compatibleWithJson = false) {
  const schema = telemetry === undefined ? {} : { telemetry: compile(telemetry) };
  return {
    protobuf: {
      ...schema,
      rpcRequest: EMPTY,
      rpcResponse: EMPTY,
      compatibleWithJson,
      jsonOnDefaultDownlinkTopics: false,
    },
  };
}

function read(
  kind: PayloadKind,
  payload: Uint8Array,
  form: PayloadForm,
  given: Parameters<typeof readPayload>[3],
): string {
  const result = readPayload(kind, payload, form, given, LIMITS);
  return result.ok ? Buffer.from(result.payload).toString() : `! ${result.problem}`;
}

function write(text: string, fields: Record<string, unknown>): Uint8Array {
  const { root } = protobuf.parse(text, { keepCase: true });
  const type = root.lookupType('M');
  return type.encode(type.fromObject(fields)).finish();
}

const timed = (ts: string, values = 'Values values = 2;') =>
  `syntax = "proto3"; message Values { optional double t = 1; } message M { ${ts} ${values} }`;

describe('payloads in protobuf', () => {
  it.each([
    [
      'optional ts, sent',
      timed('optional int64 ts = 1;'),
      { ts: '5', values: { t: 1 } },
      '{"ts":5,"values":{"t":1.0}}',
    ],
    ['optional ts, absent', timed('optional int64 ts = 1;'), { values: { t: 1 } }, '{"t":1.0}'],
    [
      'optional ts, zero',
      timed('optional int64 ts = 1;'),
      { ts: '0', values: { t: 1 } },
      '{"ts":0,"values":{"t":1.0}}',
    ],
    ['plain ts, zero', timed('int64 ts = 1;'), { ts: '0', values: { t: 1 } }, '{"t":1.0}'],
    ['no values', timed('optional int64 ts = 1;'), { ts: '5' }, '{"ts":5,"values":{}}'],
    [
      'a third field',
      timed('optional int64 ts = 1; int32 more = 3;'),
      { values: { t: 1 } },
      '{"values":{"t":1.0},"more":0}',
    ],
    ['ts of another type', timed('optional string ts = 1;'), { values: { t: 1 } }, '{"values":{"t":1.0}}'],
    ['a list of values', timed('optional int64 ts = 1;', 'repeated Values values = 2;'), {}, '{"values":[]}'],
  ])('telemetry of ts and values, %s', (_what, schema, fields, json) => {
    expect(read('telemetry', write(schema, fields), 'profile', profile(schema))).toBe(json);
  });

  const FLAT = 'syntax = "proto3"; message M { int32 a = 1; }';
  const json = Buffer.from('{"a":1}');
  const proto = write(FLAT, { a: 1 });

  it.each<[string, PayloadForm, Uint8Array, Parameters<typeof readPayload>[3], string]>([
    ['JSON on a JSON profile', 'profile', json, {}, '{"a":1}'],
    ['what is no JSON goes on as it is', 'profile', Buffer.from('x'), {}, 'x'],
    ['JSON topic on a protobuf profile', 'json', json, profile(FLAT), '{"a":1}'],
    ['protobuf on a protobuf profile', 'profile', proto, profile(FLAT), '{"a":1}'],
    ['protobuf topic', 'protobuf', proto, profile(FLAT), '{"a":1}'],
    ['compatible with JSON', 'profile', json, profile(FLAT, true), '{"a":1}'],
    ['an empty payload is a message of defaults', 'profile', Buffer.alloc(0), profile(FLAT), '{"a":0}'],
    [
      'JSON on a protobuf profile',
      'profile',
      json,
      profile(FLAT),
      '! the protobuf payload groups are not supported (byte 1)',
    ],
    [
      'compatible, but a protobuf topic',
      'protobuf',
      json,
      profile(FLAT, true),
      '! the protobuf payload groups are not supported (byte 1)',
    ],
    ['protobuf topic on a JSON profile', 'protobuf', proto, {}, '! the profile has no protobuf schema for telemetry'],
    ['no schema', 'profile', proto, profile(undefined), '! the profile has no protobuf schema for telemetry'],
  ])('%s', (_what, form, payload, given, expected) => {
    expect(read('telemetry', payload, form, given)).toBe(expected);
  });

  const RPC = 'syntax = "proto3"; message M { string method = 1; string params = 2; }';

  it.each([
    [{ method: 'm', params: '{"n":9007199254740993}' }, '{"method":"m","params":{"n":9007199254740993}}'],
    [{ method: 'm', params: 'bare' }, '{"method":"m","params":"bare"}'],
    [{ method: 'm' }, '{"method":"m","params":null}'],
  ])('a call with params %j', (fields, expected) => {
    expect(read('rpc-call', write(RPC, fields), 'protobuf', {})).toBe(expected);
  });

  it('an attribute request names only the scopes that have keys', () => {
    const schema = 'syntax = "proto3"; message M { string clientKeys = 1; string sharedKeys = 2; }';
    expect(read('attribute-request', write(schema, { sharedKeys: 'a,b' }), 'protobuf', {})).toBe(
      '{"sharedKeys":"a,b"}',
    );
    expect(read('attribute-request', Buffer.alloc(0), 'protobuf', {})).toBe('{}');
  });
});
