import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  castString,
  castText,
  ExactNumber,
  numberFromText,
  numberKind,
  plainNotation,
} from '../../src/model/json-number.ts';

describe('numberFromText', () => {
  it.each([
    '0',
    '42',
    '-5',
    '25.1',
    '-0.5',
    '0.000001',
    '9007199254740991',
    '21.12345678901234',
    '0.30000000000000004',
  ])('%s is a plain number', (text) => {
    expect(numberFromText(text)).toBe(Number(text));
  });

  it.each([
    '42.0',
    '1.50',
    '1e3',
    '1E+1',
    '-0',
    '-0.0',
    '0.0',
    '9007199254740992',
    '9007199254740993',
    '1e400',
    '1e21',
  ])('%s keeps its text', (text) => {
    const value = numberFromText(text);
    expect(value).toBeInstanceOf(ExactNumber);
    expect(String(value)).toBe(text);
    expect(Number(value)).toBe(Number(text));
  });

  it('a digit more than a double holds keeps its text', () => {
    expect(String(numberFromText('0.12345678901234567'))).toBe('0.12345678901234567');
    expect(String(numberFromText('3.14159265358979323846'))).toBe('3.14159265358979323846');
  });
});

// The type table of ThingsBoard's JSON converter.
describe('castText', () => {
  it.each([
    ['42', 'LONG', '42'],
    ['-0', 'LONG', '0'],
    ['1e3', 'LONG', '1000'],
    ['1.5e3', 'LONG', '1500'],
    ['1E+1', 'LONG', '10'],
    ['1.50e1', 'LONG', '15'],
    ['0e999999999', 'LONG', '0'],
    ['0e-999999999', 'LONG', '0'],
    ['-1000e-3', 'LONG', '-1'],
    ['42.0', 'DOUBLE', '42.0'],
    ['1.1', 'DOUBLE', '1.1'],
    ['101E-1', 'DOUBLE', '10.1'],
    ['-1.5e-3', 'DOUBLE', '-0.0015'],
    ['12345678901234567890.5', 'DOUBLE', '12345678901234567890.5'],
    ['9223372036854775807', 'LONG', '9223372036854775807'],
    ['-9223372036854775808', 'LONG', '-9223372036854775808'],
    ['9223372036854775808', 'STRING', '9223372036854775808'],
    ['-9223372036854775809', 'STRING', '-9223372036854775809'],
    ['1E19', 'STRING', '10000000000000000000'],
    ['0.1234567890123456', 'DOUBLE', '0.1234567890123456'],
    ['0.12345678901234567', 'STRING', '0.12345678901234567'],
    ['1e-16', 'DOUBLE', '0.0000000000000001'],
    ['1e-17', 'STRING', '0.00000000000000001'],
  ])('%s is %s %s', (text, kind, plain) => {
    expect(castText(text)).toEqual({ kind, text: plain });
    expect(numberKind(numberFromText(text))).toBe(kind);
  });

  it.each([
    [1e21, 'STRING'],
    [1e18, 'LONG'],
    [2 ** 63, 'STRING'],
    [2 ** 53, 'LONG'],
    [0.1 + 0.2, 'STRING'],
    [1.1 + 2.2, 'DOUBLE'],
    [1e-7, 'DOUBLE'],
    [-0, 'LONG'],
    [Number.NaN, 'STRING'],
    [Number.NEGATIVE_INFINITY, 'STRING'],
  ] as const)('the computed number %d is %s', (value, kind) => {
    expect(numberKind(value)).toBe(kind);
  });

  it('an exponent never grows into a long text', () => {
    for (const text of ['1e999999999', '-1e-999999999', '1e99999999999999999999999', '1.5e2000']) {
      expect(castText(text)).toEqual({ kind: 'STRING', text });
    }
  });

  it('plain notation has the value of its text, digit for digit', () => {
    const number = fc.tuple(fc.bigInt(-(10n ** 25n), 10n ** 25n), fc.integer({ min: -30, max: 30 }));
    fc.assert(
      fc.property(number, ([mantissa, exponent]) => {
        const plain = plainNotation(`${mantissa}e${exponent}`);
        expect(plain).toMatch(/^-?\d+(\.\d+)?$/);
        const [whole = '', fraction = ''] = plain.split('.');
        expect(BigInt(whole + fraction)).toBe(mantissa * 10n ** BigInt(Math.max(exponent, 0)));
        expect(fraction.length).toBe(exponent < 0 ? -exponent : 0);
      }),
    );
  });
});

describe('castString', () => {
  it.each([
    ['25', 25],
    ['007', 7],
    ['-5', -5],
    ['-0', 0],
    ['.5', 0.5],
    ['-.5', -0.5],
    ['007.25', 7.25],
  ])('"%s" becomes %d', (text, value) => {
    expect(castString(text)).toBe(value);
  });

  it.each(['1.50', '5.0', '9007199254740993'])('"%s" becomes a number with its text', (text) => {
    expect(castString(text)).toEqual(new ExactNumber(text));
  });

  it.each(['+5', '5.', '1e3', '0x1F', ' 5', '5 ', '1,5', '', 'true', '.', '-', '-.', '1.2.3', '٥', '5\n'])(
    '%j stays a string',
    (text) => {
      expect(castString(text)).toBe(text);
    },
  );

  it('a string beyond int64 or 16 fraction digits stays a string', () => {
    expect(castString('12345678901234567890')).toBe('12345678901234567890');
    expect(castString('0.12345678901234567')).toBe('0.12345678901234567');
  });
});
