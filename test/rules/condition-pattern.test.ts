import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, MAX_MATCHED_LENGTH } from '../../src/rules/condition-pattern.ts';

function matches(pattern: string, text: string): boolean {
  const compiled = compilePattern(pattern);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.test(text);
}

const atom = fc.constantFrom(
  'a',
  'b',
  '.',
  '\\d',
  '\\W',
  '\\s',
  '[ab]',
  '[^a]',
  '[a-c1-3]',
  '[\\d-]',
  'é',
  '😀',
  '\\.',
  '\\n',
  '[^\\S\\w]',
);
const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '+?');
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 3 },
    fc.tuple(atom, quantifier).map(([one, many]) => one + many),
    fc.tuple(tie('pattern'), tie('pattern')).map(([first, second]) => first + second),
    fc.tuple(tie('pattern'), tie('pattern')).map(([first, second]) => `${first}|${second}`),
    fc
      .tuple(fc.constantFrom('(', '(?:'), tie('pattern'), quantifier)
      .map(([open, inner, many]) => `${open}${inner})${many}`),
    tie('pattern').map((inner) => `^${inner}`),
    tie('pattern').map((inner) => `${inner}$`),
  ),
}));
const subject = fc.array(fc.constantFrom('a', 'b', 'c', '1', '.', '-', ' ', '\n', 'é', '😀', '_', '\u2028'), {
  maxLength: 8,
});

describe('compilePattern', () => {
  it('matches what a RegExp in Unicode mode matches', () => {
    fc.assert(
      fc.property(pattern, fc.array(subject, { minLength: 1, maxLength: 6 }), (source, subjects) => {
        const oracle = new RegExp(source, 'u');
        for (const pieces of subjects) {
          const text = pieces.join('');
          expect(`${JSON.stringify(text)} ${matches(source, text)}`).toBe(
            `${JSON.stringify(text)} ${oracle.test(text)}`,
          );
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['^ES[0-9]{16}[A-Z]{2}$', 'ES0021000012345678LB', true],
    ['^ES[0-9]{16}[A-Z]{2}$', 'ES0021000012345678LB\n', false],
    ['^([0-9]+\\.)+[0-9]+$', '1.22.333', true],
    ['meter|gateway', 'my gateway 1', true],
    ['', '', true],
    ['^$', 'a', false],
    ['$^', '', true],
  ])('%s on %j is %s', (source, text, expected) => {
    expect(matches(source, text)).toBe(expected);
  });

  it.each([
    '(a',
    'a)',
    '[a',
    '[]',
    '[b-a]',
    '[\\d-z]',
    '*a',
    'a**',
    'a{2',
    'a{3,2}',
    'a{501}',
    '{',
    ']',
    '\\b',
    '(a)\\1',
    '\\p{L}',
    '\\u0041',
    'a\\',
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(?<name>a)',
    '(?i)a',
    '('.repeat(30) + ')'.repeat(30),
    '(a{400}){400}',
    '(((((){500}){500}){500}){500}){500}',
    'a'.repeat(513),
  ])('%s is refused with a reason', (source) => {
    expect(compilePattern(source)).toEqual({ ok: false, problem: expect.any(String) });
  });

  it('a text longer than the cap never matches', () => {
    expect(matches('^a*$', 'a'.repeat(MAX_MATCHED_LENGTH))).toBe(true);
    expect(matches('a', 'a'.repeat(MAX_MATCHED_LENGTH + 1))).toBe(false);
  });

  it('patterns that make other engines backtrack without end take linear time', () => {
    const started = performance.now();
    const text = `${'a'.repeat(MAX_MATCHED_LENGTH - 1)}!`;
    const mixed = Array.from({ length: MAX_MATCHED_LENGTH }, (_, at) => 'ab'.charAt(((at * 7919) % 13) & 1)).join('');
    for (const source of [
      '^(a+)+$',
      '^(a|a)*$',
      '^(a|aa)+$',
      '.*.*.*.*b$',
      '^(.*a){12}$',
      '(a|b)*a[ab]{400}c',
      '((a*)*)*c',
    ]) {
      expect(matches(source, text)).toBe(false);
      matches(source, mixed);
    }
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
