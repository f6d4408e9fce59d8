import { describe, expect, it } from 'vitest';
import { decimalOf, wholeOf } from '../../src/cli/number-flag.ts';

describe('numbers of flags', () => {
  it('are read in the ranges that they have', () => {
    expect(['0', '0.05', '.5', '10'].map((text) => decimalOf('--x', text, [0, 10]))).toEqual([0, 0.05, 0.5, 10]);
    expect(['1', '007', '10'].map((text) => wholeOf('--x', text, [1, 10]))).toEqual([1, 7, 10]);
  });

  it.each(['', ' ', '-1', '11', '1e1', '0x1', '1.', '1,5', 'NaN', 'Infinity', '9'.repeat(400), '\u0661'])(
    '%j is a usage error that names flag and range',
    (text) => {
      expect(() => decimalOf('--x', text, [0, 10])).toThrow('--x takes a number from 0 to 10, not "');
      expect(() => wholeOf('--x', text, [0, 10])).toThrow('--x takes a whole number from 0 to 10, not "');
    },
  );
});
