import { describe, expect, it } from 'vitest';
import { compileFormula } from '../../src/rules/math-expression.ts';

function reckon(text: string, values: Record<string, number> = {}): number {
  const compiled = compileFormula(text, Object.keys(values));
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.run(Object.values(values));
}

describe('compileFormula', () => {
  it.each([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 4 - 3', 3],
    ['2 ^ 3 ^ 2', 512],
    ['-2 ^ 2', -4],
    ['2 ^ -1', 0.5],
    ['--3', 3],
    ['7 % 4', 3],
    ['-7 % 4', -3],
    ['8 / 4 / 2', 1],
    ['1.5e1 + .5', 15.5],
    ['max(1, min(5, 3))', 3],
    ['hypot(3, 4)', 5],
    ['floorMod(-7, 4)', 1],
    ['floorDiv(-7, 4)', -2],
    ['getExp(8.5)', 3],
    ['round', Number.NaN],
  ])('%s is %d', (text, expected) => {
    if (Number.isNaN(expected)) expect(() => reckon(text)).toThrow('there is no variable');
    else expect(reckon(text)).toBeCloseTo(expected, 12);
  });

  it('knows its variables, which win over constants', () => {
    expect(reckon('(x - 32) / 1.8', { x: 50 })).toBeCloseTo(10);
    expect(reckon('e + π', { e: 1 })).toBeCloseTo(1 + Math.PI);
    expect(reckon('größe * 2', { größe: 2 })).toBe(4);
  });

  it.each([
    ['', 'ends too early'],
    ['1 +', 'ends too early'],
    ['(1', 'lacks a ")"'],
    ['1)', 'from ")" on'],
    ['2x', 'from "x" on'],
    ['1 2', 'from "2" on'],
    ['y + 1', 'no variable "y"'],
    ['constructor', 'no variable "constructor"'],
    ['constructor(1)', 'no function "constructor"'],
    ['__proto__(1)', 'no function "__proto__"'],
    ['sqrt()', 'stands where a value should'],
    ['sqrt(1, 2)', 'takes 1 arguments, not 2'],
    ['max(1)', 'takes 2 arguments, not 1'],
    ['1 & 2', 'cannot read the formula at 1'],
    ['alert`1`', 'cannot read the formula at 5'],
    ['x[0]', 'cannot read the formula at 1'],
    ['1;2', 'cannot read the formula at 1'],
    ['1 + '.repeat(80), 'longer than 256'],
  ])('%s is refused', (text, problem) => {
    const compiled = compileFormula(text, ['x']);
    expect(compiled.ok ? '' : compiled.problem).toContain(problem);
  });

  it.each([
    ['parentheses', `${'('.repeat(120)}1${')'.repeat(120)}`],
    ['powers', `1${'^1'.repeat(120)}`],
    ['signs', `${'-'.repeat(250)}1`],
  ])('nesting of %s is bounded, and never ends the process', (_, text) => {
    const compiled = compileFormula(text, []);
    expect(compiled.ok ? compiled.run([]) : compiled.problem).toSatisfy(
      (answer) => answer === 1 || String(answer).includes('nested deeper'),
    );
  });
});
