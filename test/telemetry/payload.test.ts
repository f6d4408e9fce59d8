import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonValue, parseJson, stringifyJson } from '../../src/model/json.ts';
import { decodeAttributes, decodeTelemetry, valuesText } from '../../src/telemetry/payload.ts';

function json(text: string): JsonValue {
  const parsed = parseJson(text, { maxDepth: 32 });
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value;
}

const options = { now: 1_000, typeCast: false };

function samples(text: string, typeCast = false): string[] | string {
  const decoded = decodeTelemetry(json(text), { ...options, typeCast });
  if (!decoded.ok) return decoded.problem;
  return decoded.value.map(({ ts, values }) => `${ts} ${stringifyJson(values)}`);
}

describe('telemetry payloads (thingsboard-device-api 3.2)', () => {
  it.each([
    ['one sample at server time', '{"t":25.1,"on":true}', ['1000 {"t":25.1,"on":true}']],
    ['one sample at its own time', '{"ts":1700000000000,"values":{"t":25.1}}', ['1700000000000 {"t":25.1}']],
    ['two samples at the same instant', '[{"t":1},{"h":2}]', ['1000 {"t":1}', '1000 {"h":2}']],
    ['timed and untimed ones together', '[{"ts":1,"values":{"t":1}},{"h":2}]', ['1 {"t":1}', '1000 {"h":2}']],
    ['values without ts is a key', '{"values":{"t":1}}', ['1000 {"values":{"t":1}}']],
    ['ts without values is a key', '{"ts":1,"t":2}', ['1000 {"ts":1,"t":2}']],
    ['other members beside ts and values are ignored', '{"ts":1,"values":{"a":1},"x":2}', ['1 {"a":1}']],
    ['nulls are skipped', '{"a":null,"b":1}', ['1000 {"b":1}']],
    ['an empty object is a sample without values', '{}', ['1000 {}']],
    ['an empty array is no sample', '[]', []],
    ['a numeric text ts', '{"ts":"17","values":{"a":1}}', ['17 {"a":1}']],
    ['a fraction of ts is cut off', '{"ts":17.9,"values":{"a":1}}', ['17 {"a":1}']],
    ['exact numbers keep their text', '{"a":42.0,"b":9007199254740993}', ['1000 {"a":42.0,"b":9007199254740993}']],
    ['numeric text stays text', '{"a":"0012"}', ['1000 {"a":"0012"}']],
    ['__proto__ is data', '{"__proto__":1,"n":null}', ['1000 {"__proto__":1}']],
  ])('%s', (_name, text, expected) => {
    expect(samples(text)).toEqual(expected);
  });

  it.each([
    '[1]',
    '"x"',
    '5',
    'null',
    '[[{"a":1}]]',
    '{"ts":"x","values":{}}',
    '{"ts":null,"values":{}}',
    '{"ts":1e40,"values":{}}',
    '{"ts":1,"values":[]}',
    '{"":1}',
    `{"${'k'.repeat(256)}":1}`,
  ])('refuses %s', (text) => {
    expect(typeof samples(text)).toBe('string');
  });

  it('casts numeric texts only when the profile asks for it', () => {
    expect(samples('{"a":"007","b":".5","c":"+5","d":9223372036854775808}', true)).toEqual([
      '1000 {"a":7,"b":0.5,"c":"+5","d":"9223372036854775808"}',
    ]);
  });

  it('casts numbers of more than 16 fraction digits to text, in plain notation', () => {
    const sent = '{"a":1e-17,"b":1e-16,"c":0.000012345678901234567,"d":0.5,"e":-1.5e-17,"f":0.12345678901234567}';
    expect(samples(sent, true)).toEqual([
      '1000 {"a":"0.00000000000000001","b":1e-16,"c":"0.000012345678901234567","d":0.5,"e":"-0.000000000000000015","f":"0.12345678901234567"}',
    ]);
    expect(samples(sent)).toEqual([`1000 ${sent}`]);
  });

  it('says verbatim only when the values are the whole payload unchanged', () => {
    const verbatim = (text: string) => {
      const decoded = decodeTelemetry(json(text), options);
      return decoded.ok && decoded.value[0]?.verbatim;
    };
    expect(verbatim('{"a":1}')).toBe('payload');
    expect(verbatim('[{"a":1}]')).toBe('no');
    expect(verbatim('{"a":1,"b":null}')).toBe('no');
    expect(verbatim('{"ts":1,"values":{"a":null}}')).toBe('no');
    expect(verbatim('{"ts":1,"values":{"a":1}}')).toBe('values');
  });

  it('pollutes no prototype', () => {
    samples('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"x":null}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('client attributes (thingsboard-device-api 3.4)', () => {
  it.each(['[]', '[{"a":1}]', '1', 'null', '"x"'])('refuses %s', (text) => {
    expect(decodeAttributes(json(text), options).ok).toBe(false);
  });

  it('skips nulls and keeps the rest', () => {
    const decoded = decodeAttributes(json('{"serial":"A1","x":null,"cfg":{"x":1}}'), options);
    expect(decoded.ok && stringifyJson(decoded.value)).toBe('{"serial":"A1","cfg":{"x":1}}');
  });
});

describe('valuesText', () => {
  const name = fc.oneof(fc.string(), fc.constantFrom('ts', 'values', '{', '}', '"', '__proto__'));
  const scalar = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant([]),
  );
  const members = (value: fc.Arbitrary<unknown>) =>
    fc
      .array(fc.tuple(name, value), { maxLength: 4 })
      .map((all) => `{${all.map(([key, one]) => `${JSON.stringify(key)} : ${JSON.stringify(one)}`).join(' ,')} }`);
  const values = members(fc.oneof(scalar, fc.constant({ a: 1 })));
  const more = fc.array(
    fc.oneof(
      values,
      scalar.map((one) => JSON.stringify(one)),
    ),
    { maxLength: 2 },
  );

  it('is the text of just the values that are read, whatever else stands in the payload, or undefined', () => {
    fc.assert(
      fc.property(values, more, fc.boolean(), (last, others, tsFirst) => {
        const all = [...others, last].map((one) => `"values": ${one}`);
        const payload = `{ ${(tsFirst ? ['"ts":1', ...all] : [...all, '"ts":1']).join(', ')}}`;
        const parsed = parseJson(payload, { maxDepth: 8 });
        const decoded = parsed.ok ? decodeTelemetry(parsed.value, { now: 5, typeCast: false }) : undefined;
        if (!decoded?.ok || decoded.value[0]?.verbatim !== 'values') return;
        const text = valuesText(payload);
        if (text === undefined) return;
        expect(parseJson(text, { maxDepth: 8 })).toEqual({ ok: true, value: decoded.value[0].values });
      }),
      { numRuns: 1000 },
    );
  });

  it('is found with and without white space, in both orders', () => {
    expect(valuesText('{"ts":1,"values":{"a":1.50}}')).toBe('{"a":1.50}');
    expect(valuesText(' { "values" : { "a" : 1 } , "ts" : 1 } ')).toBe('{ "a" : 1 }');
    expect(valuesText('{"ts":1,"values":{"a":{"b":1}}}')).toBeUndefined();
    expect(valuesText('{"ts":1,"values":{"a":"}"}}')).toBeUndefined();
    expect(valuesText('{"ts":1,"values":{"a":"{"}}')).toBeUndefined();
  });
});
