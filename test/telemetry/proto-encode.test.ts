import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { type JsonObject, parseJson } from '../../src/model/json.ts';
import { compileProtoSchema } from '../../src/schema/proto-schema.ts';
import { decodeProto } from '../../src/telemetry/proto-decode.ts';
import { encodeProto } from '../../src/telemetry/proto-encode.ts';

const SCHEMA = `syntax = "proto3";
enum Mode { OFF = 0; ON = 1; }
message A {
  double d = 1; float f = 2; int32 i = 3; int64 l = 4; uint64 ul = 6; sint64 sl = 8; fixed32 f4 = 9; sfixed64 sf8 = 12;
  bool b = 13; string some_text = 14; bytes raw = 15; Mode mode = 16; A inner = 17; repeated int32 many = 18;
  repeated string texts = 19; map<string, int64> map = 20; oneof o { int32 left = 21; int32 right = 22; }
  optional int32 maybe = 23;
}`;
const oracle = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('A');
const compiled = compileProtoSchema(SCHEMA);
if (!compiled.ok) throw new Error(compiled.problem);
const type = compiled.message;

function encode(text: string) {
  const json = parseJson(text, { maxDepth: 8 });
  if (!json.ok) throw new Error(json.error.problem);
  return encodeProto(type, json.value as JsonObject);
}

/** What protobufjs reads of it. */
function read(text: string): unknown {
  const encoded = encode(text);
  if (!encoded.ok) return encoded.problem;
  return oracle.toObject(oracle.decode(encoded.value), { longs: String, enums: String, bytes: String, oneofs: false });
}

describe('JSON to protobuf', () => {
  it.each([
    ['{"d":1.5,"f":0.5,"i":-1,"b":true,"some_text":"é"}', { d: 1.5, f: 0.5, i: -1, b: true, some_text: 'é' }],
    ['{"someText":"x"}', { some_text: 'x' }],
    ['{"l":-9223372036854775808,"ul":18446744073709551615}', { l: '-9223372036854775808', ul: '18446744073709551615' }],
    ['{"sl":-9007199254740993,"sf8":-5,"f4":4294967295}', { sl: '-9007199254740993', sf8: '-5', f4: 4294967295 }],
    ['{"i":"12","d":"-2.5e3","l":1e3}', { i: 12, d: -2500, l: '1000' }],
    ['{"mode":"ON","raw":"AP8="}', { mode: 'ON', raw: 'AP8=' }],
    ['{"mode":1}', { mode: 'ON' }],
    ['{"inner":{"i":5,"inner":{"maybe":0}}}', { inner: { i: 5, inner: { maybe: 0 } } }],
    ['{"many":[1,-2,300],"texts":["a",""]}', { many: [1, -2, 300], texts: ['a', ''] }],
    ['{"map":{"a":5,"__proto__":6}}', { map: { a: '5', ['__proto__']: '6' } }],
    ['{"i":null,"unknown":{"x":1}}', {}],
    ['{"some_text":{"pin":7}}', { some_text: '{"pin":7}' }],
    ['{"some_text":"\\u0000","raw":"AA=="}', { some_text: '\0', raw: 'AA==' }],
    ['{"some_text":5}', { some_text: '5' }],
    ['{"i":1.5}', 'i must be a whole number'],
    ['{"i":2147483648}', 'i must be from -2147483648 to 2147483647'],
    ['{"l":9223372036854775808}', 'l must be from -9223372036854775808 to 9223372036854775807'],
    ['{"b":1}', 'b must be true or false'],
    ['{"d":"x"}', 'd must be a number'],
    ['{"mode":"STANDBY"}', 'mode must be a whole number'],
    ['{"many":1}', 'many must be an array'],
    ['{"inner":[]}', 'inner must be an object'],
    ['{"left":1,"right":2}', 'o has more than one member'],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it('defaults of fields that cannot be absent take no bytes', () => {
    expect(encode('{"d":0.0,"i":0,"b":false,"some_text":"","mode":"OFF","many":[]}')).toEqual({
      ok: true,
      value: Buffer.alloc(0),
    });
    expect(encode('{"maybe":0}')).toEqual({ ok: true, value: Buffer.from('b80100', 'hex') });
  });

  it('what was written is read back', () => {
    const value = fc.record({
      l: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      t: fc.string({ unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(value, ({ l, t }) => {
        const encoded = encode(`{"l":${l},"sl":${l},"sf8":${l},"some_text":${JSON.stringify(t)}}`);
        if (!encoded.ok) throw new Error(encoded.problem);
        const back = decodeProto(type, encoded.value, { maxDepth: 8, maxKeys: 100 });
        if (!back.ok) throw new Error(back.problem);
        expect([back.value.l, back.value.sl, back.value.sf8, back.value.someText].map(String)).toEqual([
          `${l}`,
          `${l}`,
          `${l}`,
          t,
        ]);
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});
