import { describe, expect, it } from 'vitest';
import { type JsonValue, parseJson, stringifyJson } from '../../src/model/json.ts';
import { decodeAttributes, decodeTelemetry } from '../../src/telemetry/payload.ts';

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

  it('says verbatim only when the values are the whole payload unchanged', () => {
    const verbatim = (text: string) => {
      const decoded = decodeTelemetry(json(text), options);
      return decoded.ok && decoded.value[0]?.verbatim;
    };
    expect(verbatim('{"a":1}')).toBe(true);
    expect(verbatim('[{"a":1}]')).toBe(false);
    expect(verbatim('{"a":1,"b":null}')).toBe(false);
    expect(verbatim('{"ts":1,"values":{"a":1}}')).toBe(false);
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
