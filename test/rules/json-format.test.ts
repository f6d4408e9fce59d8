import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatJson } from '../../src/rules/json-format.ts';

describe('formatJson', () => {
  it('writes a value on one line when it fits, else spread out', () => {
    const long = 'x'.repeat(100);
    expect(formatJson({ a: { b: [1, 2] }, c: [{ d: long }, { e: 1 }], f: {}, g: [] })).toBe(
      `{\n  "a": { "b": [1, 2] },\n  "c": [\n    { "d": "${long}" },\n    { "e": 1 }\n  ],\n  "f": {},\n  "g": []\n}\n`,
    );
  });

  it('leaves the value as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(formatJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
