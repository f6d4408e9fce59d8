import { describe, expect, it } from 'vitest';
import { MAX_PATTERN_TEXT, patternProblem } from '../../src/schema/pattern-cost.ts';

describe('patterns of users', () => {
  it.each([
    '^ES[0-9]{16}[A-Z]{2}([0-9][FPRCXYZ])?$',
    '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(\\.\\d+)?Z$',
    '^[a-z]+[0-9]*$',
    'foo.*bar',
    '^(?:red|green|blue)$',
    '^\\p{L}+$',
    '^[\\]\\\\a-z]+$',
    '^(\\d{1,3}\\.){3}\\d{1,3}$',
    '',
  ])('%s is allowed', (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
  });

  it.each([
    '^(a+)+$',
    '(a|a)*b',
    '^(a?){30}a{30}$',
    'a+b+c+d+$',
    '^(.*,){11}P',
    '(?=a)b',
    '(?<!a)b',
    '^(a)\\1$',
    '(?<n>a)\\k<n>',
    '(',
    '[z-a]',
    `^${'a?'.repeat(40)}`,
    'x'.repeat(513),
  ])('%s is refused', (pattern) => {
    expect(patternProblem(pattern)).toBeDefined();
  });

  it('that are allowed stay fast on their worst text', () => {
    for (const [pattern, text] of [
      ['a+b', 'a'.repeat(MAX_PATTERN_TEXT)],
      ['^[a-z]+[a-z0-9]*$', `${'a'.repeat(MAX_PATTERN_TEXT - 1)}!`],
    ] as const) {
      expect(patternProblem(pattern)).toBeUndefined();
      const started = performance.now();
      new RegExp(pattern, 'u').test(text);
      expect(performance.now() - started).toBeLessThan(100);
    }
  });
});
