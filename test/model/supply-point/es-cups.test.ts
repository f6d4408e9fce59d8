import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { esCups } from '../../../src/model/supply-point/es-cups.ts';

const valid = [
  'ES0021000000000001RK',
  'ES0113000000001234SN',
  'ES0021000012345678LB',
  'ES0217010123456789LL',
  'ES0022000008546387RB',
  'ES0390000000000042XY',
  'ES0026000000765432MP',
  'ES0000000000000000TT',
  'ES0027123456789012NR',
  'ES9999999999999999SA',
  'ES0031405123456789FG',
  'ES9590324961928311EM',
  'ES0031607000000123LQ',
  'ES1234123456789012JY',
];

const stem = 'ES0021000012345678LB';

/** The rule in the words of the resolution, with whole numbers. */
function oracleLetters(digits: string): string {
  const table = 'TRWAGMYFPDXBNJZSQVHLCKE';
  const rest = BigInt(digits) % 529n;
  return table.charAt(Number(rest / 23n)) + table.charAt(Number(rest % 23n));
}

const digits16 = fc.stringMatching(/^[0-9]{16}$/);

describe('es-cups', () => {
  it.each(valid)('%s is valid, alone and with a suffix', (code) => {
    const operator = code.slice(2, 6);
    expect(esCups.normalise(code)).toEqual({ ok: true, stem: code, operator, warnings: [] });
    for (const suffix of ['0F', '1P', '2R', '9C', '0X', '0Y', '0Z']) {
      expect(esCups.normalise(code + suffix)).toEqual({ ok: true, stem: code, suffix, operator, warnings: [] });
    }
  });

  it.each([
    'es 0021-0000-1234-5678-lb 0f',
    'ES 0021 0000 1234 5678 LB 0F',
    'ES\u00a00021\u202f0000\u20091234\u30005678\u00a0LB 0F',
    'ES\u20130021\u20100000\u20141234\u22125678-LB\uff0d0F',
    '  ES0021000012345678lb0f  ',
  ])('%j is the same point, without a warning', (text) => {
    expect(esCups.normalise(text)).toEqual({ ok: true, stem, suffix: '0F', operator: '0021', warnings: [] });
  });

  it.each(['ES.0021.0000.1234.5678.LB', 'ES0021/0000/1234/5678/LB', 'ES_0021000012345678_LB'])(
    '%j is valid with a warning',
    (text) => {
      expect(esCups.normalise(text)).toEqual({ ok: true, stem, operator: '0021', warnings: ['separators-dropped'] });
    },
  );

  it.each([
    ['ES0021000012345687LB', 'checksum'],
    ['ES0021000012345678BL', 'checksum'],
    ['ES0021000012345678BL0F', 'checksum'],
    ['ES2260351481000000WR', 'checksum'],
    ['ES00210000I2345678LB', 'format'],
    ['ES0O21000012345678LB', 'format'],
    ['ES٠٠21000012345678LB', 'format'],
    ['ES0021000012345678L\u0000', 'format'],
    ['ES0021000012345678\tLB', 'format'],
    ['ES0021000012345678LB\n', 'format'],
    ['ES0021000012345678L\u017f', 'format'],
    ['eß0021000012345678LB', 'format'],
    ['2.1E+17', 'format'],
    ['0021000012345678LB0F', 'format'],
    ['x'.repeat(10_000), 'format'],
    [`ES${' '.repeat(64)}`, 'format'],
    ['ES0021000012345678LB0', 'length'],
    ['ES0021000012345678', 'length'],
    ['', 'length'],
    ['   ', 'length'],
    ['21000012345678', 'length'],
    ['ES0021000012345678LB0T', 'suffix'],
    ['ES0021000012345678LBF0', 'suffix'],
    ['ES0021000012345678LB0A', 'suffix'],
    ['PT0002000012345678MV', 'country'],
    ['LGZ0012345678', 'country'],
  ])('%j is refused: %s', (text, code) => {
    expect(esCups.normalise(text)).toMatchObject({ ok: false, code });
  });

  it.each([[21000012345678], [null], [undefined], [{}], [['ES0021000012345678LB']], [Object.create(null)]])(
    'the non-string %j is refused: format',
    (value) => {
      expect(esCups.normalise(value)).toMatchObject({ ok: false, code: 'format' });
    },
  );

  it('a CAU is a length error that offers its stem', () => {
    const error = esCups.normalise('ES1234000000000001JN0FA001');
    expect(error).toMatchObject({ ok: false, code: 'length', offer: 'ES1234000000000001JN' });
    expect(error).toHaveProperty('hint', expect.stringContaining('CAU'));
  });

  it('a CAU with wrong control letters offers nothing', () => {
    const error = esCups.normalise('ES1234000000000001NJ0FA001');
    expect(error).toMatchObject({ ok: false, code: 'length', hint: expect.stringContaining('CAU') });
    expect(error).not.toHaveProperty('offer');
  });

  it('hints never repeat what was sent', () => {
    for (const text of ['ES0021000012345687LB', 'ES0021000012345678LB0T', 'ES1234000000000001JN0FA001']) {
      const result = esCups.normalise(text);
      expect(result.ok ? '' : result.hint).not.toContain(text.slice(2, 18));
    }
  });

  it('agrees with whole-number arithmetic on any digits', () => {
    fc.assert(
      fc.property(digits16, (digits) => {
        expect(esCups.normalise(`ES${digits}${oracleLetters(digits)}`).ok).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('accepts one pair of letters for any digits', () => {
    const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
    const pairs = letters.flatMap((first) => letters.map((second) => first + second));
    fc.assert(
      fc.property(digits16, (digits) => {
        expect(pairs.filter((pair) => esCups.normalise(`ES${digits}${pair}`).ok)).toEqual([oracleLetters(digits)]);
      }),
      { numRuns: 50 },
    );
  });

  it('catches every wrong digit and every swap of neighbours', () => {
    fc.assert(
      fc.property(digits16, fc.nat(15), fc.integer({ min: 1, max: 9 }), (digits, at, by) => {
        const code = `ES${digits}${oracleLetters(digits)}`;
        const place = at + 2;
        const wrong = String((Number(code[place]) + by) % 10);
        expect(esCups.normalise(code.slice(0, place) + wrong + code.slice(place + 1))).toMatchObject({
          code: 'checksum',
        });
        const swapped = `${code.slice(0, place)}${code[place + 1]}${code[place]}${code.slice(place + 2)}`;
        if (at < 15 && swapped !== code) expect(esCups.normalise(swapped)).toMatchObject({ code: 'checksum' });
      }),
      { numRuns: 2000 },
    );
  });

  it('gives its own output back', () => {
    const messy = fc.tuple(
      fc.constantFrom(...valid),
      fc.constantFrom('', '0F', '1P'),
      fc.constantFrom(' ', '-', '.', '\u00a0'),
    );
    fc.assert(
      fc.property(messy, ([code, suffix, separator]) => {
        const once = esCups.normalise(Array.from(code.toLowerCase() + suffix).join(separator));
        if (!once.ok) throw new Error(once.code);
        expect(esCups.normalise(once.stem + (once.suffix ?? ''))).toEqual({ ...once, warnings: [] });
      }),
    );
  });

  it('never throws and stays quick on any text', () => {
    const started = performance.now();
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 80 }), fc.anything()), (value) => {
        expect(esCups.normalise(value)).toHaveProperty('ok');
      }),
      { numRuns: 3000 },
    );
    for (let round = 0; round < 1000; round++) esCups.normalise(' '.repeat(1_000_000));
    for (const piece of [' ', '-', 'A', '.', '\u00a0', 'ES']) {
      for (let round = 0; round < 1000; round++) esCups.normalise(piece.repeat(64 / piece.length));
    }
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
