import { expect, it } from 'vitest';
import { hideSupplyPoints, maskSupplyPoint } from '../../../src/model/supply-point/mask.ts';

it('a masked point shows operator, letters and six hex digits', () => {
  expect(maskSupplyPoint('ES0021000012345678LB', '3fa91c77ab02')).toBe('ES0021…LB#3fa91c');
});

it('a short text is masked whole', () => {
  expect(maskSupplyPoint('ES0021LB', '3fa91c77')).toBe('…#3fa91c');
});

it.each([
  ['my code is ES0021000012345678LB ok', 'my code is [supply point] ok'],
  ['es 0021 0000 1234 5678 lb 0f!', '[supply point]!'],
  [`ES0021000012345678LX${' '.repeat(60)}`, `[supply point]${' '.repeat(60)}`],
  ['PT0002000012345678MV', '[supply point]'],
  ['ES00210000123456LB', 'ES00210000123456LB'],
])('codes in %j are hidden', (text, hidden) => {
  expect(hideSupplyPoints(text)).toBe(hidden);
});

it('hides in linear time', () => {
  const before = performance.now();
  hideSupplyPoints('ES00'.repeat(250_000));
  hideSupplyPoints(`ES${'1 '.repeat(500_000)}`);
  expect(performance.now() - before).toBeLessThan(1_000);
});
