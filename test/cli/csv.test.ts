import { describe, expect, it } from 'vitest';
import { csvRow, guardCell, readCsv, separatorOf, unguardCell } from '../../src/cli/csv.ts';

const read = (text: string, separators = ',') =>
  [...readCsv({ path: 'x.csv', text }, separators)].map(({ row, cells }) => [row, ...cells]);

describe('csv', () => {
  it.each([
    [
      'a,b\r\nc,d\r\n',
      [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
      ],
    ],
    [
      'a\nb\rc\r\nd',
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ],
    ],
    ['"a,b","c""d","e\r\nf"', [[1, 'a,b', 'c"d', 'e\r\nf']]],
    [' "a" , b ', [[1, 'a', ' b ']]],
    ['5" pipe,x', [[1, '5" pipe', 'x']]],
    [
      'a,,\n,,\n""',
      [
        [1, 'a', '', ''],
        [2, '', '', ''],
      ],
    ],
    [
      'a\n\n  \nb\n',
      [
        [1, 'a'],
        [4, 'b'],
      ],
    ],
    ['', []],
    ['\r\n', []],
  ])('%j is read as RFC 4180 has it, with any line end', (text, rows) => {
    expect(read(text)).toEqual(rows);
  });

  it.each([
    ['a,"b\nc\n', 'row 1, column 2: the quote that opens the cell is never closed'],
    ['a\nb,"c"d', 'row 2, column 2: there is text behind the closing quote'],
    ['a,"""', 'row 1, column 2: the quote that opens the cell is never closed'],
    ['x'.repeat(65_537), 'row 1, column 1: the cell is longer than 65536 characters'],
    [`\n${','.repeat(1_000)}`, 'row 2, column 1001: a row has 1000 cells at most'],
  ])('what cannot be read is named by row and column', (text, problem) => {
    expect(() => read(text)).toThrow(`x.csv: ${problem}`);
  });

  it('the separator is the one that the first row has outside quotes', () => {
    expect(['a,b;c', '"a,b";c', 'a\tb', 'a\nb;c', ''].map((text) => separatorOf({ path: 'x', text }))).toEqual([
      ',',
      ';',
      '\t',
      ',',
      ',',
    ]);
    expect(read('a\t"b"\t\n', '\t')).toEqual([[1, 'a', 'b', '']]);
  });

  it.each(['', 'a', ' a', 'a"b', 'a,b', 'a;b', 'a\r\nb', '\t', '"', "'a", '=1+1', '-5', '@x', "'=1", "''=1", '\ta'])(
    '%j comes back out of a row, and no spreadsheet would run it',
    (text) => {
      const row = csvRow(['x', guardCell(text)]);
      expect(row).not.toMatch(/,"?[=+\-@\t]/);
      expect(read(row).map(([, , cell]) => unguardCell(String(cell)))).toEqual([text]);
    },
  );

  it('a million cells take no longer than reading them once', () => {
    expect(read('"a""b",c\n'.repeat(100_000))).toHaveLength(100_000);
    expect(() => read('"'.repeat(200_001))).toThrow('never closed');
  });
});
