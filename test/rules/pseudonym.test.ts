import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { normaliseSupplyPoint } from '../../src/model/supply-point/index.ts';
import { createPseudonyms } from '../../src/rules/pseudonym.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const KEY = new Uint8Array(32).fill(7);
const pseudonyms = createPseudonyms(KEY);
const told = (change: Parameters<typeof testMsg>[0]) => pseudonyms.message(testMsg(change));
const state = (code: string): string => {
  const result = normaliseSupplyPoint(code, ['es-cups', 'pt-cpe']);
  return result.ok ? 'ok' : result.code;
};

describe('createPseudonyms', () => {
  it('gives one secret one pseudonym, whatever it stands in, and another one under another key', () => {
    const { data } = told({
      data: { Power_supplier_secret_key: new Secret('k1'), deep: { token: 'k1', other: ['x'] } },
    });
    expect(data).toEqual({
      Power_supplier_secret_key: pseudonyms.secret('k1'),
      deep: { token: pseudonyms.secret('k1'), other: ['x'] },
    });
    expect(pseudonyms.secret('k1')).not.toBe(pseudonyms.secret('k2'));
    expect(createPseudonyms(new Uint8Array(32)).secret('k1')).not.toBe(pseudonyms.secret('k1'));
    expect(JSON.stringify(data)).not.toContain('"k1"');
  });

  it.each([
    ['ES0021000012345678LB', 'a valid code'],
    ['es 0021 0000 1234 5678 lb', 'written with spaces'],
    ['ES0021000000000001RK0F', 'with its suffix'],
    ['ES1234123456789012JX', 'wrong control letters'],
    ['ES12341234567890', 'too short'],
    ['ES1234123456789012JY9Z', 'a wrong suffix'],
    ['PT0002000012345678XX', 'of another country, wrong'],
  ])('makes of %s (%s) another code that is as right or as wrong, of the same operator', (code) => {
    const { data } = told({ data: { CUPS: code } });
    const { CUPS } = data as { CUPS: string };
    const plain = code.replaceAll(' ', '').toUpperCase();
    expect(CUPS).not.toBe(plain);
    expect(CUPS.slice(0, 6)).toBe(plain.slice(0, 6));
    expect(CUPS).not.toContain(plain.slice(6, 18));
    expect(state(CUPS)).toBe(state(code));
    expect((told({ data: { again: plain } }).data as { again: string }).again).toBe(CUPS);
  });

  it('gives a key inside a text the pseudonym that it has elsewhere', () => {
    const key = `gms_f4ae8de1_${'x'.repeat(43)}`;
    const { data } = told({ data: { note: `my key: ${key}` } });
    expect(data).toEqual({ note: `my key: ${pseudonyms.secret(key)}` });
  });

  it('leaves no supply point in any text, key or metadata', () => {
    const code = 'ES0021000012345678LB';
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), fc.string({ maxLength: 10 }), (around, more) => {
        const msg = { data: { [code]: 1, note: `${around} ${code} ${more}`, list: [code] }, metadata: { point: code } };
        expect(JSON.stringify(told(msg))).not.toContain('0000123456');
      }),
    );
  });

  it('keeps all else: numbers, texts, flags, order', () => {
    const data = { power: 42, relay: 'on', ok: true, none: null, list: [1, 'a'] };
    expect(told({ data }).data).toEqual(data);
  });
});
