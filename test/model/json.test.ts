import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNumber, type JsonValue, parseJson, stringifyJson } from '../../src/model/json.ts';
import { parseExactJson } from '../../src/model/json-exact-parser.ts';

const LIMITS = { maxDepth: 8 };

function parsed(text: string | Uint8Array, limits = LIMITS): JsonValue {
  const result = parseJson(text, limits);
  if (!result.ok) throw new Error(`${result.error.problem} at ${result.error.at}`);
  return result.value;
}

function errorOf(input: string | Uint8Array, limits: { maxDepth: number; maxKeys?: number } = LIMITS) {
  const result = parseJson(input, limits);
  return result.ok ? 'accepted' : result.error;
}

const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.bigInt(1n, 10n ** 20n).map(String), fc.integer({ min: 1, max: 999 }).map(String)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^\.[0-9]{1,18}$/), fc.stringMatching(/^\.0{0,7}[0-9]$/)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/)),
  )
  .map((parts) => parts.join(''));

const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toJSON', 'a', '1', 'ñ', 'ts'));

const { jsonText } = fc.letrec<{ jsonText: string }>((tie) => ({
  jsonText: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '""', '"\\u00e9\\n"', '"\\ud83d\\ude00"', '" x \\" : { "', '"😀"'),
    numberText,
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
    fc.array(tie('jsonText'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
    fc
      .array(fc.tuple(key, tie('jsonText')), { maxLength: 4 })
      .map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)} :${text}`).join(',')}}`),
  ),
}));

describe('parseJson', () => {
  it('gives what JSON.parse gives for ordinary telemetry', () => {
    const text = '{"ts":1700000000000,"values":{"temperature":21.5,"on":true,"n":null,"a":[1,"x"]}}';
    expect(parsed(text)).toEqual(JSON.parse(text));
    expect(parsed(Buffer.from(text))).toEqual(JSON.parse(text));
    expect(parsed(new TextEncoder().encode(` ${text}\r\n`))).toEqual(JSON.parse(text));
  });

  it.each(['42.0', '1.50', '1e3', '-0', '9007199254740993', '0.12345678901234567', '1E400', '0.0000001', '-0.0'])(
    'keeps the text of %s',
    (text) => {
      expect(parsed(`{"a":[${text}]}`)).toEqual({ a: [new ExactNumber(text)] });
    },
  );

  it('of duplicate keys the last wins, on both ways', () => {
    expect(parsed('{"a":1,"b":2,"a":3}')).toEqual({ a: 3, b: 2 });
    expect(parsed('{"a":1.0,"b":2,"a":3}')).toEqual({ a: 3, b: 2 });
  });

  it.each(['{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3}', '{"__proto__":{"polluted":1.0}}'])(
    'keeps dangerous keys of %s as own data',
    (text) => {
      const value = parsed(text);
      expect(Object.keys(value as object)).toEqual(Object.keys(JSON.parse(text)));
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      expect(stringifyJson(value)).toBe(text);
    },
  );

  it.each([
    ['', 'text ends where a value should be', 0],
    ['   ', 'text ends where a value should be', 3],
    ['{"a":1', 'text ends where a comma or a closing bracket should be', 6],
    ['{"a":1]', 'expected a comma or a closing bracket', 6],
    ['[1,]', 'expected a value', 3],
    ['{"a":1,}', 'expected a key in double quotes', 7],
    ["{'a':1}", 'expected a key in double quotes', 1],
    ['{"a" 1}', 'expected a colon', 5],
    ['{a:1}', 'expected a key in double quotes', 1],
    ['[1 2]', 'expected a comma or a closing bracket', 3],
    ['1 2', 'text after the value', 2],
    ['007', 'text after the value', 1],
    ['+1', 'expected a value', 0],
    ['.5', 'expected a value', 0],
    ['-', 'expected a value', 0],
    ['1.', 'text after the value', 1],
    ['NaN', 'expected a value', 0],
    ['tru', 'expected a value', 0],
    ['"abc', 'unfinished string', 4],
    ['"a\nb"', 'control character in a string', 2],
    ['"\\x41"', 'unknown escape', 1],
    ['"\\u12g4"', 'unfinished \\u escape', 1],
    ['"\\ud800"', 'lone surrogate', 1],
    ['"\\udc00\\ud800"', 'lone surrogate', 1],
    ['"\\uD800\\u0041"', 'lone surrogate', 1],
    ['"\\udc00\\udc01"', 'lone surrogate', 1],
    ['"a\ud800"', 'lone surrogate', 2],
    ['/* c */ 1', 'expected a value', 0],
    ['\ufeff1', 'byte order mark', 0],
    ['\u00a01', 'expected a value', 0],
    [']', 'expected a value', 0],
  ])('refuses %j', (text, problem, at) => {
    expect(errorOf(text)).toEqual({ problem, at });
  });

  it.each([
    ['ff', 0],
    ['22c3a9ff22', 3],
    ['22efbfbdc322', 4],
    ['22eda08022', 1],
    ['22c080', 1],
    ['22f48fbf', 1],
  ])('refuses the invalid UTF-8 %s', (hex, at) => {
    expect(errorOf(Buffer.from(hex, 'hex'))).toEqual({ problem: 'invalid UTF-8', at });
  });

  it('counts the place of an error in bytes for byte input', () => {
    expect(errorOf(Buffer.from('["ñ",]'))).toEqual({ problem: 'expected a value', at: 6 });
    expect(errorOf('["ñ",]')).toEqual({ problem: 'expected a value', at: 5 });
    expect(errorOf(Buffer.from('\ufeff{}'))).toEqual({ problem: 'byte order mark', at: 0 });
  });

  it('counts open brackets against maxDepth, and brackets in strings not', () => {
    expect(parsed('[[["[[[["]]]', { maxDepth: 3 })).toEqual([[['[[[[']]]);
    expect(errorOf('[[[[]]]]', { maxDepth: 3 })).toEqual({ problem: 'nested too deep', at: 3 });
    expect(errorOf('{"a":{"a":{"a":{}}}}', { maxDepth: 3 })).toEqual({ problem: 'nested too deep', at: 15 });
    expect(errorOf('{}', { maxDepth: 0 })).toEqual({ problem: 'nested too deep', at: 0 });
    expect(parsed('1', { maxDepth: 0 })).toBe(1);
  });

  it('counts members of all objects against maxKeys, repeated keys too', () => {
    const limits = { maxDepth: 8, maxKeys: 3 };
    expect(errorOf('{"a":{"b":1},"c":":"}', limits)).toBe('accepted');
    expect(errorOf('{"a":{"b":1},"c":2,"d":3}', limits)).toEqual({ problem: 'too many keys', at: 19 });
    expect(errorOf('[{"a":1},{"a":1},{"a":1},{"a":1}]', limits)).toMatchObject({ problem: 'too many keys' });
  });

  it('survives a million brackets at any limit', () => {
    expect(errorOf('['.repeat(1_000_000), { maxDepth: 1e9 })).toMatchObject({ at: 1_000_000 });
    expect(errorOf('{"a":'.repeat(200_000), { maxDepth: 1e9 })).toMatchObject({ at: 1_000_000 });
    expect(errorOf('[1.0,'.repeat(200_000), LIMITS)).toEqual({ problem: 'nested too deep', at: 40 });
  });

  it('takes linear time for a megabyte of anything', () => {
    const started = performance.now();
    for (const piece of ['"\\n', '1', '1.0,', '[', ' ', '\\', '"\\u0041', '"a":', '-', '\u00e9', '0']) {
      for (const before of ['', '"', '[', '{"a":1.0,"b":"']) errorOf(before + piece.repeat(1_000_000 / piece.length));
    }
    expect(performance.now() - started).toBeLessThan(4000);
  });

  it('never throws, whatever the bytes', () => {
    const broken = fc.tuple(jsonText, fc.nat(), fc.string({ maxLength: 3 })).map(([text, at, piece]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + piece.length);
    });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), broken, fc.uint8Array()), (input) => {
        const text = typeof input === 'string' ? input : new TextDecoder('utf-8', { ignoreBOM: true }).decode(input);
        const result = parseJson(input, LIMITS);
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(result.ok).toBe(false);
          return;
        }
        if (result.ok) expect(JSON.parse(stringifyJson(result.value))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('the quick and the careful way agree', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(parseJson(text, LIMITS)).toEqual(parseExactJson(text, LIMITS));
        expect(parseJson(Buffer.from(text), LIMITS)).toEqual(parseExactJson(text, LIMITS));
      }),
      { numRuns: 2000 },
    );
  });

  it('text to value to text keeps the text of every number', () => {
    fc.assert(
      fc.property(fc.array(numberText), (numbers) => {
        const text = `[${numbers.join(',')}]`;
        expect(stringifyJson(parsed(text))).toBe(text);
        expect(stringifyJson(parsed(Buffer.from(`{"a":${text}}`)))).toBe(`{"a":${text}}`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('stringifyJson', () => {
  it('writes compact text', () => {
    expect(stringifyJson({ a: [1, 'x"', null, true], b: {} })).toBe('{"a":[1,"x\\"",null,true],"b":{}}');
  });

  it('writes exact numbers as their text beside every other kind of value', () => {
    const text = '{"a":[1,"x\\"",null,true,{}],"toJSON":42.0,"e":1e3,"é":[-0,12345678901234567890]}';
    expect(stringifyJson(parsed(text))).toBe(text);
  });

  it('gives JSON.stringify of a value the nearest number', () => {
    expect(JSON.stringify(parsed('[42.0,1e400]'))).toBe('[42,"1e400"]');
  });
});
