import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { redactMsg, redactText } from '../../src/rules/redact.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const context = createTestContext();
const MASK = /^ES1234…JY#[0-9a-f]{6}$/;

describe('redactMsg', () => {
  it('masks a supply point wherever it stands, in whatever spelling', () => {
    const msg = testMsg({
      metadata: { 'supplyPoint.stem': 'ES1234123456789012JY', deviceName: 'meter-1' },
      data: { CUPS: 'es 1234 1234 5678 9012 jy 0f', more: { list: ['ES1234123456789012JY0F', 7] }, model: 'GW-1' },
    });
    const { metadata, data } = redactMsg(msg, context);
    expect(metadata['supplyPoint.stem']).toMatch(MASK);
    expect(metadata.deviceName).toBe('meter-1');
    expect(data).toMatchObject({
      CUPS: metadata['supplyPoint.stem'],
      more: { list: [expect.stringMatching(MASK), 7] },
      model: 'GW-1',
    });
  });

  it('hides a mistyped code as well', () => {
    expect(redactText('ES1234123456789012JX', context)).toBe('ES…[supply point]');
    expect(redactText('ES-1234-1234-5678-9012', context)).toBe('ES…[supply point]');
  });

  it('hides a code inside a longer text, in a padded one and in a key', () => {
    const data = {
      note: 'my code is ES1234123456789012JY',
      padded: `ES1234123456789012JY${' '.repeat(60)}`,
      ES1234123456789012JY: 1,
    };
    const text = JSON.stringify(redactMsg(testMsg({ data }), context));
    expect(text).not.toContain('ES1234123456789012JY');
    expect(text).toContain('my code is [supply point]');
  });

  it('hides keys of suppliers, profiles and the API inside a text', () => {
    const data = {
      note: `my key: gms_f4ae8de1_${'x'.repeat(43)}.`,
      list: [`gmp_${'-'.repeat(32)}`, `gma_${'Y'.repeat(43)}`],
    };
    expect(redactMsg(testMsg({ data }), context).data).toEqual({
      note: 'my key: [redacted].',
      list: ['[redacted]', '[redacted]'],
    });
    expect(redactText(`${'long '.repeat(20)}gms_f4ae8de1_${'x'.repeat(43)}`, context)).toMatch(/long \[redacted\]$/);
    expect(redactText('gms_ is how they begin', context)).toBe('gms_ is how they begin');
  });

  it('hides what a name inside calls a secret, and nothing else there', () => {
    const data = {
      deep: { Power_supplier_secret_key: 'hidden', list: [{ access_token: 7 }], CUPS: 'none', model: 'x' },
    };
    expect(redactMsg(testMsg({ data }), context).data).toEqual({
      deep: {
        Power_supplier_secret_key: '[redacted]',
        list: [{ access_token: '[redacted]' }],
        CUPS: 'none',
        model: 'x',
      },
    });
  });

  it('shows a secret as redacted', () => {
    const { data } = redactMsg(testMsg({ data: { key: new Secret('the secret text') } }), context);
    expect(data).toEqual({ key: '[redacted]' });
  });

  it('leaves the message itself alone', () => {
    const msg = testMsg({ data: { CUPS: 'ES1234123456789012JY' } });
    redactMsg(msg, context);
    expect(msg.data).toEqual({ CUPS: 'ES1234123456789012JY' });
  });
});
