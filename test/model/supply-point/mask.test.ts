import { expect, it } from 'vitest';
import { maskSupplyPoint } from '../../../src/model/supply-point/mask.ts';

it('a masked point shows operator, letters and six hex digits', () => {
  expect(maskSupplyPoint('ES0021000012345678LB', '3fa91c77ab02')).toBe('ES0021…LB#3fa91c');
});

it('a short text is masked whole', () => {
  expect(maskSupplyPoint('ES0021LB', '3fa91c77')).toBe('…#3fa91c');
});
