import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { stringifyJson } from '../../src/model/json.ts';
import type { ProtoMessage } from '../../src/model/proto-message.ts';
import { compileProtoSchema } from '../../src/schema/proto-schema.ts';
import { decodeProto } from '../../src/telemetry/proto-decode.ts';

const SCHEMA = `syntax = "proto3";
enum Mode { OFF = 0; ON = 1; }
message All {
  double d = 1; float f = 2; int32 i = 3; int64 l = 4; uint32 u = 5; uint64 ul = 6; sint32 s = 7; sint64 sl = 8;
  fixed32 f4 = 9; fixed64 f8 = 10; sfixed32 sf4 = 11; sfixed64 sf8 = 12; bool b = 13; string t = 14; bytes raw = 15;
  Mode mode = 16; All inner = 17; repeated int32 many = 18; repeated string texts = 19; map<string, int64> map = 20;
  oneof choice { string left = 21; int32 right = 22; } optional int32 maybe_so = 23; repeated All list = 24;
  map<int32, All> by_id = 25; repeated Mode modes = 26;
}`;
const LIMITS = { maxDepth: 8, maxKeys: 500 };
const oracle = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('All');

function typeOf(schema: string): ProtoMessage {
  const compiled = compileProtoSchema(schema);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.message;
}
const all = typeOf(SCHEMA);
const message = (fields: string) => typeOf(`syntax = "proto3"; message A { ${fields} }`);

function decoded(type: ProtoMessage, hex: string): string {
  const result = decodeProto(type, Buffer.from(hex.replaceAll(' ', ''), 'hex'), LIMITS);
  return result.ok ? stringifyJson(result.value) : `! ${result.problem}`;
}
const one = (fields: Record<string, unknown>, type: ProtoMessage = all): Record<string, unknown> => {
  const result = decodeProto(type, oracle.encode(oracle.fromObject(fields)).finish(), LIMITS);
  if (!result.ok) throw new Error(result.problem);
  return JSON.parse(stringifyJson(result.value)) as Record<string, unknown>;
};

describe('protobuf to JSON', () => {
  it.each([
    ['double d = 1;', '09 0000000000003940', '{"d":25.0}'],
    ['double d = 1;', '09 9a9999999999b93f', '{"d":0.1}'],
    ['double d = 1;', '09 0000000000000080', '{"d":-0.0}'],
    ['double d = 1;', '09 000000000000f87f', '{"d":"NaN"}'],
    ['double d = 1;', '09 000000000000f0ff', '{"d":"-Infinity"}'],
    ['double d = 1;', '09 50efe2d6e41a4b44', '{"d":1000000000000000000000.0}'],
    ['float f = 1;', '0d cdcccc3d', '{"f":0.1}'],
    ['float f = 1;', '0d 0000c842', '{"f":100.0}'],
    ['int32 i = 1;', '08 ffffffffffffffffff01', '{"i":-1}'],
    ['int64 l = 1;', '08 ffffffffffffffff7f', '{"l":9223372036854775807}'],
    ['int64 l = 1;', '08 80808080808080808001', '{"l":-9223372036854775808}'],
    ['int64 l = 1;', '08 8180808080808010', '{"l":9007199254740993}'],
    ['uint64 l = 1;', '08 ffffffffffffffffff01', '{"l":18446744073709551615}'],
    ['uint32 u = 1;', '08 ffffffff0f', '{"u":4294967295}'],
    ['sint32 s = 1;', '08 ffffffff0f', '{"s":-2147483648}'],
    ['sint64 s = 1;', '08 ffffffffffffffffff01', '{"s":-9223372036854775808}'],
    ['fixed32 f = 1;', '0d ffffffff', '{"f":4294967295}'],
    ['sfixed32 f = 1;', '0d ffffffff', '{"f":-1}'],
    ['fixed64 f = 1;', '09 ffffffffffffffff', '{"f":18446744073709551615}'],
    ['sfixed64 f = 1;', '09 ffffffffffffffff', '{"f":-1}'],
    ['bool b = 1;', '08 80808080808080808001', '{"b":true}'],
    ['string t = 1;', '0a 02 c3a9', '{"t":"é"}'],
    ['bytes raw = 1;', '0a 03 00fffe', '{"raw":"AP/+"}'],
    ['enum E { Z = 0; A_B = 5; } E e = 1;', '08 05', '{"e":"A_B"}'],
    ['enum E { Z = 0; A_B = 5; } E e = 1;', '08 09', '{"e":9}'],
    ['repeated int32 l = 1;', '0a 03 01 02 03 08 04', '{"l":[1,2,3,4]}'],
    ['map<string, int32> m = 1;', '0a 05 0a 01 61 10 07 0a 05 0a 01 61 10 08', '{"m":{"a":8}}'],
    ['map<string, int32> m = 1;', '0a 0b 0a 09 5f5f70726f746f5f5f', '{"m":{"__proto__":0}}'],
    ['message B { int32 x = 1; int32 y = 2; } B b = 1;', '0a 02 08 01 0a 02 10 02', '{"b":{"x":1,"y":2}}'],
    ['oneof o { int32 a = 1; int32 b = 2; }', '08 01 10 02', '{"b":2}'],
  ])('%s %s', (fields, hex, json) => {
    expect(decoded(message(fields), hex)).toBe(json);
  });

  it('an empty payload gives the defaults of all fields that cannot be absent', () => {
    expect(
      decoded(
        message(
          'double d = 1; int32 i_j = 2; bool b = 3; string s = 4; repeated int32 l = 5; map<int32, int32> m = 6; optional int32 o = 7; A a = 8;',
        ),
        '',
      ),
    ).toBe('{"d":0.0,"iJ":0,"b":false,"s":"","l":[],"m":{}}');
  });

  it('unknown fields, and known ones of another type, are skipped', () => {
    expect(decoded(message('int32 i = 1;'), '10 05 1a 02 ffff 25 00000000 29 0000000000000000 0a 01 00 08 07')).toBe(
      '{"i":7}',
    );
  });

  it.each([
    ['08', 'is cut off within a number'],
    ['08 ff', 'is cut off within a number'],
    ['08 ffffffffffffffffffff01', 'a number is longer than ten bytes'],
    ['0a 05 00', 'is cut off'],
    ['12 ffffffffff01', 'is cut off'],
    ['0d 00', 'is cut off'],
    ['00 00', 'a field has no valid number'],
    ['0e 00', 'a field has no valid type'],
    ['1b 1c', 'groups are not supported'],
    ['1c', 'groups are not supported'],
    ['12 02 c328', 'a text is not UTF-8'],
    ['1a 02 08 80', 'is cut off within a number'],
    ['7b 7d', 'groups are not supported'],
    ['5b 5d', 'groups are not supported'],
  ])('%s is refused', (hex, problem) => {
    expect(decoded(message('int32 i = 1; string s = 2; A a = 3;'), hex)).toContain(`! ${problem} (byte `);
  });

  it('messages nested deeper than the limit are refused', () => {
    const nested = (depth: number): Buffer => {
      let bytes = Buffer.alloc(0);
      for (let level = 1; level < depth; level++) bytes = Buffer.concat([Buffer.of(0x0a, bytes.length), bytes]);
      return bytes;
    };
    expect(decodeProto(message('A a = 1;'), nested(8), LIMITS).ok).toBe(true);
    expect(decodeProto(message('A a = 1;'), nested(9), LIMITS)).toMatchObject({ ok: false });
  });

  it('a payload that would grow into more keys than the limit is refused, also by its defaults', () => {
    const fields = Array.from({ length: 20 }, (_, index) => `int32 x${index} = ${index + 2};`).join(' ');
    const type = message(`repeated A a = 1; ${fields}`);
    expect(decodeProto(type, Buffer.from('0a00'.repeat(20), 'hex'), LIMITS).ok).toBe(true);
    expect(decoded(type, '0a00'.repeat(30))).toMatch(/^! holds more than 500 keys/);
    expect(decoded(type, '0a00'.repeat(30_000))).toMatch(/^! holds more than 500 keys/);
  });

  it('messages without fields count too', () => {
    const type = message('repeated B list = 1; message B {}');
    expect(decoded(type, '0a00'.repeat(2))).toBe('{"list":[{},{}]}');
    expect(decoded(type, '0a00'.repeat(501))).toMatch(/^! holds more than 500 keys/);
  });

  it('reads what protobufjs writes', () => {
    const fields = fc.record(
      {
        d: fc.double({ noNaN: true, noDefaultInfinity: true }),
        i: fc.integer(),
        l: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        u: fc.nat(),
        ul: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
        s: fc.integer(),
        sl: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        f8: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
        sf8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        b: fc.boolean(),
        t: fc.string({ unit: 'grapheme' }),
        mode: fc.constantFrom('OFF', 'ON'),
        many: fc.array(fc.integer()),
        texts: fc.array(fc.string()),
        left: fc.string(),
        maybe_so: fc.integer(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (sent) => {
        const result = decodeProto(all, oracle.encode(oracle.fromObject(sent)).finish(), LIMITS);
        if (!result.ok) throw new Error(result.problem);
        for (const [key, value] of Object.entries(sent)) {
          const name = key === 'maybe_so' ? 'maybeSo' : key;
          const got = result.value[name];
          if (key === 'd') expect(Number(got)).toBe(value);
          else if (typeof value === 'string') expect(String(got)).toBe(value);
          else expect(got).toEqual(value);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(one({ list: [{ i: 1 }, { i: 2 }], by_id: { 7: { t: 'x' } }, modes: ['ON', 'OFF'] })).toMatchObject({
      list: [{ i: 1 }, { i: 2 }],
      byId: { 7: { t: 'x' } },
      modes: ['ON', 'OFF'],
    });
  });

  it('never throws, takes linear time, and accepts nothing that protobufjs refuses', () => {
    const sample = oracle
      .encode(
        oracle.fromObject({ d: 1.5, t: 'text', inner: { many: [1, 2, 3], map: { a: '5' } }, list: [{}, { i: 1 }] }),
      )
      .finish();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(sample.length - 1), fc.nat(255), fc.nat(sample.length)).map(([at, byte, cut]) => {
        const copy = Buffer.from(sample);
        copy[at] = byte;
        return copy.subarray(0, cut);
      }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const result = decodeProto(all, input, { maxDepth: 50, maxKeys: 100_000 });
        if (result.ok) {
          stringifyJson(result.value);
          oracle.decode(input);
        } else expect(result.problem).toMatch(/\(byte \d+\)$/);
      }),
      { numRuns: 20_000, seed: 2 },
    );
    const started = performance.now();
    for (const unit of ['8a0100', '9201020000', '08ff7f', 'a20100', 'c20100', 'ffffffff0f', '8a018a018a01'])
      decodeProto(all, Buffer.from(unit.repeat(200_000), 'hex'), LIMITS);
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});
