import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeviceKey, productKeyProblem } from '../../../src/dialects/wire/dialect.ts';
import { loginMode } from '../../../src/dialects/wire/login-mode.ts';
import { parseSignedClientId, parseSignedNames, parseSignedUserName } from '../../../src/dialects/wire/login-names.ts';
import { isSignature, signatureHash } from '../../../src/dialects/wire/signature.ts';

describe('client id of a signed CONNECT', () => {
  it('splits at the first bar, and keeps what stands before it as it is', () => {
    const read = parseSignedClientId('pk.dn{a=1,b=2}&.|securemode=2,signmethod=hmacsha256|');
    expect(read?.name).toBe('pk.dn{a=1,b=2}&.');
    expect([...(read?.parameters ?? [])]).toEqual([
      ['securemode', '2'],
      ['signmethod', 'hmacsha256'],
    ]);
  });

  it('lets spaces, unknown names and a trailing comma pass', () => {
    const read = parseSignedClientId('c| securemode=2 , _v=sdk=1,lan,ext=3,__proto__=1,|');
    expect([...(read?.parameters ?? [])]).toEqual([['securemode', '2']]);
  });

  it.each([
    ['a known name twice', 'c|timestamp=1,timestamp=1|'],
    ['nothing before the bar', '|securemode=2|'],
    ['no bar', 'c'],
    ['one bar', 'c|'],
    ['no closing bar', 'c|securemode=2'],
    ['a third bar', 'c|securemode=2|x|'],
    ['more items than any client sends', `c|${'a=1,'.repeat(40)}|`],
  ])('%s is not of this form', (_what, text) => {
    expect(parseSignedClientId(text)).toBeUndefined();
  });

  it('no text makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string(), (a, b) => void parseSignedNames(a, b)));
  });
});

describe('user name of a signed CONNECT', () => {
  it('splits at the last ampersand', () => {
    expect(parseSignedUserName('a&b&pk')).toEqual({ device: 'a&b', productKey: 'pk' });
  });
  it.each(['', '&', 'a', '&pk', 'dk&'])('%j is not of this form', (text) => {
    expect(parseSignedUserName(text)).toBeUndefined();
  });
});

describe('what a signed CONNECT wants', () => {
  const modeOf = (dialect: 'enos' | 'alibaba', parameters: string, user = 'dev1&pk', name = 'pk') => {
    const names = parseSignedNames(`${name}|${parameters}|`, user);
    return names && loginMode(dialect, names);
  };
  it('securemode 3 is the product to EnOS, and the device to Alibaba', () => {
    expect(modeOf('enos', 'securemode=3')).toBe('product-secret');
    expect(modeOf('alibaba', 'securemode=3')).toBe('device-secret');
  });
  it.each([
    ['enos', 'securemode=2', 'device-secret'],
    ['enos', 'signmethod=sha256', 'device-secret'],
    ['enos', 'securemode=4', 'unknown'],
    ['enos', 'securemode=2,authType=register', 'device-secret'],
    ['alibaba', 'securemode=2,authType=register', 'product-secret'],
    ['alibaba', 'securemode=-2,authType=regnwl', 'product-token'],
    ['alibaba', 'securemode=-2,authType=connwl', 'client-token'],
    ['alibaba', 'securemode=-2', 'unknown'],
    ['alibaba', 'securemode=8', 'unknown'],
    ['alibaba', 'securemode=2,authType=__proto__', 'unknown'],
  ] as const)('%s, %s: %s', (dialect, parameters, expected) => {
    expect(modeOf(dialect, parameters)).toBe(expected);
  });
  it('the channel needs its user name, its mode and the product key as client id', () => {
    expect(modeOf('enos', 'securemode=4', '%channel%&pk')).toBe('channel');
    expect(modeOf('enos', 'securemode=2', '%channel%&pk')).toBe('unknown');
    expect(modeOf('enos', 'securemode=4', '%channel%&pk', 'other')).toBe('unknown');
  });
});

describe('what is signed', () => {
  it('keys that could be read in two ways are none', () => {
    for (const key of ['', 'a b', 'a|b', 'a&b', 'a\u0000', '%channel%', 'ä', 'x'.repeat(65)]) {
      expect(isDeviceKey('enos', key)).toBe(false);
    }
    expect(isDeviceKey('alibaba', 'abc')).toBe(false);
    expect(isDeviceKey('alibaba', 'a-_.:@9Z')).toBe(true);
    expect(productKeyProblem('enos', 'x'.repeat(21))).toBeTypeOf('string');
    expect(productKeyProblem('enos', 'a&b')).toBeTypeOf('string');
    expect(productKeyProblem('alibaba', 'a1AbCdEfGhI')).toBeUndefined();
  });

  it('the hash of a method is known by its name alone', () => {
    expect(signatureHash('enos', undefined)).toBe('sha1');
    expect(signatureHash('enos', 'HmacSHA256')).toBe('sha256');
    expect(signatureHash('alibaba', 'sha256')).toBeUndefined();
    expect(signatureHash('alibaba', 'hmacsha512')).toBeUndefined();
    expect(signatureHash('enos', 'constructor')).toBeUndefined();
  });

  it('what is no hex of its length is no signature', () => {
    const key = { dialect: 'enos', hash: 'sha256', secret: 's' } as const;
    for (const text of ['', 'zz', 'é'.repeat(64), '0'.repeat(63), ' '.repeat(64), `0x${'0'.repeat(62)}`]) {
      expect(isSignature(text, 'content', key)).toBe(false);
    }
  });
});
