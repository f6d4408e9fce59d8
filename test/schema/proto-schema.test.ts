import { describe, expect, it } from 'vitest';
import { isProtoMessage } from '../../src/model/proto-message.ts';
import { compileProtoSchema } from '../../src/schema/proto-schema.ts';

const head = 'syntax = "proto3";\n';

function problem(text: string): string {
  const compiled = compileProtoSchema(text);
  if (compiled.ok) throw new Error('the schema was accepted');
  return compiled.line === undefined ? compiled.problem : `${compiled.line}: ${compiled.problem}`;
}

describe('protobuf schemas', () => {
  it('the last message at the top level counts, whatever package it is in', () => {
    const compiled = compileProtoSchema(
      `${head}package a.b;\nmessage One { int32 x = 1; }\nmessage Two { One one = 7; }`,
    );
    if (!compiled.ok) throw new Error(compiled.problem);
    expect(compiled.message.name).toBe('Two');
    const one = compiled.message.fields.get(7);
    expect(one).toMatchObject({ name: 'one', presence: true, repeated: false });
    expect(one && isProtoMessage(one.type) && one.type.fields.get(1)?.type).toBe('int32');
  });

  it('knows presence, oneofs, maps, lists, and names of JSON', () => {
    const compiled = compileProtoSchema(
      `${head}message A { int32 plain_one = 1; optional int64 ts = 2; oneof o { string s = 3; bytes b = 4; }
       map<string, A> m = 5; repeated sint32 l = 6; }`,
    );
    if (!compiled.ok) throw new Error(compiled.problem);
    const fields = [...compiled.message.fields.values()].map((one) => [
      one.jsonName,
      one.presence,
      one.repeated,
      one.oneof,
      one.mapKey,
    ]);
    expect(fields).toEqual([
      ['plainOne', false, false, undefined, undefined],
      ['ts', true, false, undefined, undefined],
      ['s', true, false, 'o', undefined],
      ['b', true, false, 'o', undefined],
      ['m', false, false, undefined, 'string'],
      ['l', false, true, undefined, undefined],
    ]);
    expect(compiled.message.fields.get(5)?.type).toBe(compiled.message);
  });

  it.each([
    ['', '1: must begin with syntax = "proto3";'],
    ['syntax = "proto2"; message A { optional int32 x = 1; }', '1: must begin with syntax = "proto3";'],
    [head, 'holds no message'],
    [`${head}\nimport "a.proto";`, '3: imports are not supported: write all messages into this schema'],
    [`${head}message A {\n int32 x = ;\n}`, "3: illegal id ';'"],
    [`${head}message A {\n int32 x = 1;`, '3: illegal end of the schema'],
    [`${head}message A { int32 x = 1;\n Foo y = 2; }`, '3: there is no type Foo'],
    [`${head}message A { int32 x = 0; }`, '2: x must have a number from 1 on'],
    [`${head}message A { required int32 x = 1; }`, "2: illegal token 'required'"],
    [`${head}message A { optional group G = 1 { int32 a = 1; } }`, '2: groups are not part of proto3'],
    [`${head}message A { int32 __proto__ = 1; }`, '2: __proto__ cannot be used as a name'],
    [`${head}message A { int32 a_b = 1;\nint32 aB = 2; }`, '3: a_b and aB of A are both "aB" in JSON'],
    [`${head}enum E { ONE = 1; }\nmessage A { E e = 1; }`, '2: enum E has no value 0, which proto3 wants'],
    [`${head}${'message A {'.repeat(5000)}`, 'max depth exceeded'],
    [`${head}${'message A {'.repeat(20)} int32 x = 1; ${'}'.repeat(20)}`, undefined],
    [`${head}message A { ${lines(2_001, (n) => `int32 x${n} = ${n};`)} }`, 'has more than 2000 fields and enum values'],
    [`${head}//${'x'.repeat(65_536)}`, 'is longer than 65536 characters'],
  ])('%# is refused with place and reason', (text, expected) => {
    if (expected === undefined) expect(compileProtoSchema(text).ok).toBe(true);
    else expect(problem(text)).toBe(expected);
  });

  it('messages nested too deep are refused when the schema uses them', () => {
    const inner = `${'message A {'.repeat(20)} int32 x = 1; ${'}'.repeat(20)}`;
    const path = Array(20).fill('A').join('.');
    expect(problem(`${head}${inner} message B { ${path} a = 1; }`)).toMatch(/nested deeper than 16$/);
  });
});

function lines(count: number, line: (n: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index + 1)).join('\n');
}
