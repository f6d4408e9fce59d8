import { describe, expect, it } from 'vitest';
import {
  isSupplyPointSchemeId,
  normaliseSupplyPoint,
  supplyPointSchemeIds,
  supplyPointSchemes,
} from '../../../src/model/supply-point/index.ts';

describe('supply point schemes', () => {
  it('every scheme is listed under its own id and country', () => {
    for (const id of supplyPointSchemeIds) {
      expect(supplyPointSchemes[id].id).toBe(id);
      expect(id.startsWith(`${supplyPointSchemes[id].country.toLowerCase()}-`)).toBe(true);
    }
    expect(isSupplyPointSchemeId('es-cups')).toBe(true);
    expect(isSupplyPointSchemeId('toString')).toBe(false);
  });

  it('the prefix of a code chooses among the schemes of a profile', () => {
    expect(normaliseSupplyPoint('PT0002000012345678MV', ['es-cups', 'pt-cpe'])).toMatchObject({
      ok: true,
      key: { scheme: 'pt-cpe', stem: 'PT0002000012345678MV' },
    });
    expect(normaliseSupplyPoint('ES0021000012345678LB0F', ['pt-cpe', 'es-cups'])).toMatchObject({
      ok: true,
      suffix: '0F',
      key: { scheme: 'es-cups', stem: 'ES0021000012345678LB' },
    });
  });

  it('the error is of the scheme whose prefix the code bears, else of the first', () => {
    expect(normaliseSupplyPoint('PT0002000012345678VM', ['es-cups', 'pt-cpe'])).toMatchObject({ code: 'checksum' });
    expect(normaliseSupplyPoint('PT0002000012345678MV', ['es-cups'])).toMatchObject({ code: 'country' });
    expect(normaliseSupplyPoint('IT001E12345678', ['es-cups', 'pt-cpe'])).toMatchObject({
      code: 'country',
      hint: 'a CUPS begins with ES',
    });
  });

  it('a code without letters gets the answer of the first scheme', () => {
    expect(normaliseSupplyPoint('12345', ['pt-cpe', 'es-cups'])).toMatchObject({
      code: 'length',
      hint: 'a CPE has 20 characters',
    });
  });
});
