import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../../src/model/json.ts';
import { Secret } from '../../src/model/secret.ts';
import { compileJson, compileText, hasPlaceholder } from '../../src/rules/template.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const msg = testMsg({
  metadata: { name: 'meter-1', x: '$[CUPS]', 'a.b': 'dotted' },
  data: {
    CUPS: 'ES1234123456789012JY',
    a: { b: 7, 'c.d': 1 },
    'k.l': 'whole',
    list: [1, 2],
    on: true,
    none: null,
    exact: new ExactNumber('42.0'),
    key: new Secret('the secret text'),
  },
});
const text = (template: string) => compileText(template)(msg);

describe('compileText', () => {
  it.each([
    ['no placeholder', 'no placeholder'],
    ['', ''],
    ['${name}', 'meter-1'],
    ['<${name}|$[on]>', '<meter-1|true>'],
    ['$[a.b]', '7'],
    ['$[k.l]', 'whole'],
    ['${a.b}', 'dotted'],
    ['$[none]', 'null'],
    ['$[exact]', '42.0'],
    ['$ {name} $name $[]', '$ {name} $name $[]'],
  ])('%j gives %j', (template, expected) => {
    expect(text(template)).toBe(expected);
  });

  it('never expands what a value brings along', () => {
    expect(text('${x}')).toBe('$[CUPS]');
  });

  it.each(['${gone}', '$[gone]', '$[a.gone]', '$[CUPS.length]', '${toString}', '$[constructor]', '$[__proto__]'])(
    '%s has no value: a failure',
    (template) => {
      expect(() => text(`x ${template}`)).toThrow('has no value');
    },
  );

  it('takes an object or array inside a text for a failure', () => {
    expect(() => text('x $[list]')).toThrow('object or array');
    expect(() => text('$[a]')).toThrow('object or array');
  });

  it('fails on a secret, without its text', () => {
    expect(() => text('key: $[key]')).toThrow(/^\$\[key\] is a secret$/);
  });
});

describe('compileJson', () => {
  it('keeps the type of a whole placeholder and makes text of a mixed one', () => {
    const json = compileJson({ n: '$[a.b]', o: '$[a]', l: ['$[list]', 1], t: 'n=$[a.b]', f: false, z: null });
    expect(json(msg)).toEqual({ n: 7, o: { b: 7, 'c.d': 1 }, l: [[1, 2], 1], t: 'n=7', f: false, z: null });
  });

  it('keeps a number as it was written', () => {
    expect(compileJson('$[exact]')(msg)).toEqual(new ExactNumber('42.0'));
  });

  it('fails on a secret and on a missing value', () => {
    expect(() => compileJson({ k: '$[key]' })(msg)).toThrow('is a secret');
    expect(() => compileJson({ k: '${gone}' })(msg)).toThrow('has no value');
  });

  it('sets a key named __proto__ as data', () => {
    const value = compileJson(JSON.parse('{"__proto__":{"polluted":1}}'))(msg);
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

it('hasPlaceholder tells templates from plain texts', () => {
  expect([hasPlaceholder('a ${b}'), hasPlaceholder('$[b]'), hasPlaceholder('plain $b')]).toEqual([true, true, false]);
});
