import { describe, expect, it } from 'vitest';
import { ptCpe } from '../../../src/model/supply-point/pt-cpe.ts';

describe('pt-cpe', () => {
  it.each(['PT0002000012345678MV', 'PT0002000000000001BG', 'pt 0002-0000-1234-5678 mv'])('%s is valid', (text) => {
    expect(ptCpe.normalise(text)).toMatchObject({ ok: true, operator: '0002', warnings: [] });
  });

  it('an operator that is not known is a warning', () => {
    expect(ptCpe.normalise('PT0021.000012345678LB')).toEqual({
      ok: true,
      stem: 'PT0021000012345678LB',
      operator: '0021',
      warnings: ['separators-dropped', 'unknown-operator'],
    });
  });

  it.each([
    ['PT0002000012345678VM', 'checksum'],
    ['PT0002000012345678MV0F', 'length'],
    ['PT00020000I2345678MV', 'format'],
    ['ES0021000012345678LB', 'country'],
    [5, 'format'],
  ])('%j is refused: %s', (text, code) => {
    expect(ptCpe.normalise(text)).toMatchObject({ ok: false, code });
  });
});
