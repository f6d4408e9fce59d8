import { describe, expect, it } from 'vitest';
import { readJsonText } from '../../src/rules/json-source.ts';

const places = (text: string) => readJsonText('f', text).issues.map(({ at, problem }) => `${at} ${problem}`);

describe('readJsonText', () => {
  it('gives the value, with or without a byte order mark', () => {
    expect(readJsonText('f', '\ufeff{"a":[1]}')).toEqual({
      ok: true,
      value: { a: [1] },
      exact: { a: [1] },
      issues: [],
    });
  });

  it('counts lines and columns from 1', () => {
    expect(places('{\n "a": 1,\n "b": }')[0]).toMatch(/ line 3, column 7: /);
    expect(places('')[0]).toMatch(/ line 1, column 1: /);
  });

  it('finds a duplicate key inside lists, and tells equal keys of different objects apart', () => {
    expect(places('{"a":[{"k":1},{"k":1,"x":{"k":2},\n"k":3}],"k":{}}')).toEqual([
      '/a/1/k the key stands twice in its object, again at line 2, column 1',
    ]);
  });

  it('compares keys as they read, not as they are written', () => {
    expect(places('{"a\\u0062":1,"ab":2}')).toHaveLength(1);
    expect(places('{"a/b":1,"a/b":2}')[0]).toMatch(/^\/a~1b /);
  });

  it('takes braces, commas and quotes inside texts for what they are', () => {
    expect(places('{"a":"{\\"a\\":1,","b":["}",":"],"c":"\\\\"}')).toEqual([]);
  });

  it('refuses a file that nests too deep', () => {
    expect(readJsonText('f', '['.repeat(100) + ']'.repeat(100))).toMatchObject({ ok: false });
  });
});
