import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactNumber, parseJson } from '../../src/model/json.ts';
import { compilePath, parsePath, resolvePath } from '../../src/rules/condition-path.ts';

describe('parsePath', () => {
  it.each([
    ['$', []],
    ['$.a', ['a']],
    ['$.a.b[0]', ['a', 'b', 0]],
    ["$.a['c d'][12].e", ['a', 'c d', 12, 'e']],
    ['$["x"]', ['x']],
    ["$['it\\'s \\\\']", ["it's \\"]],
    ['$["a.b"]', ['a.b']],
    ['$.ñ-1._x$', ['ñ-1', '_x$']],
    ['$.__proto__', ['__proto__']],
    ["$['']", ['']],
  ])('%s is read', (text, steps) => {
    expect(parsePath(text)).toEqual({ ok: true, steps });
  });

  it.each([
    '',
    'a.b',
    '$.',
    '$..a',
    '$.*',
    '$[*]',
    '$[-1]',
    '$[1:2]',
    '$[a]',
    "$['a'",
    '$[0,1]',
    '$[?(@.a)]',
    '$[(@.length-1)]',
    '$.a^',
    '$.a~',
    '$a',
    '$.a b',
    '$.`a',
    '$.constructor("x")',
    `$${'.a'.repeat(33)}`,
    `$.${'a'.repeat(600)}`,
  ])('%s is refused', (text) => {
    expect(parsePath(text)).toMatchObject({ ok: false });
  });

  it('a path without $ is refused with the right form', () => {
    expect(parsePath('a.b')).toMatchObject({ hint: '"$.a.b"' });
  });

  it('any member names survive when quoted', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 5 }), (names) => {
        const text = `$${names.map((name) => `['${name.replace(/[\\']/g, '\\$&')}']`).join('')}`;
        expect(parsePath(text)).toEqual({ ok: true, steps: names });
      }),
    );
  });
});

describe('compilePath', () => {
  const data = { a: { b: [{ c: 1 }, null], 'c d': 2 }, text: 'abc', exact: new ExactNumber('42.0') };

  it.each([
    ['$', data],
    ['$.a.b[0].c', 1],
    ['$.a.b[1]', null],
    ["$.a['c d']", 2],
    ['$.exact', data.exact],
    ['$.text.length', undefined],
    ['$.text[0]', undefined],
    ['$.a.b.length', undefined],
    ["$.a.b['0']", undefined],
    ['$.a[0]', undefined],
    ['$.a.b[7].c', undefined],
    ['$.a.b[1].c.d.e', undefined],
    ['$.exact.text', undefined],
    ['$.missing.b.c', undefined],
    ['$.constructor.name', undefined],
    ['$.__proto__.toString', undefined],
    ['$.hasOwnProperty', undefined],
  ])('%s gives its own data or undefined', (path, expected) => {
    expect(resolvePath(data, path)).toBe(expected);
  });

  it('finds data under the names of Object.prototype', () => {
    const parsed = parseJson('{"__proto__":{"x":1},"constructor":2}', { maxDepth: 4 });
    expect(parsed.ok && resolvePath(parsed.value, '$.__proto__.x')).toBe(1);
    expect(parsed.ok && resolvePath(parsed.value, '$.constructor')).toBe(2);
  });

  it.each([[null], [undefined], [5], ['x'], [true], [[]]])('never throws on %j', (value) => {
    for (const steps of [['a'], ['a', 'b'], ['a', 0, 'b'], [3]]) expect(compilePath(steps)(value)).toBeUndefined();
  });
});
