import { describe, expect, it } from 'vitest';
import { ExactNumber, stringifyJson } from '../../src/model/json.ts';
import { Secret } from '../../src/model/secret.ts';
import { withoutSecrets, wrapSecrets } from '../../src/rules/secrets.ts';

const keys = new Set(['key']);

describe('wrapSecrets', () => {
  it('wraps the value of a secret key, and gives the same object when there is none', () => {
    const plain = { a: 1 };
    expect(wrapSecrets(plain, keys)).toBe(plain);
    const wrapped = wrapSecrets({ a: 1, key: 'hidden text' }, keys);
    expect(wrapped.key).toBeInstanceOf(Secret);
    expect(wrapped.key instanceof Secret && wrapped.key.reveal()).toBe('hidden text');
    expect(JSON.stringify(wrapped)).toBe('{"a":1,"key":"[redacted]"}');
  });

  it('wraps a number as its own text', () => {
    const { key } = wrapSecrets({ key: new ExactNumber('0012345678901234567890.0') }, keys);
    expect(key instanceof Secret && key.reveal()).toBe('0012345678901234567890.0');
  });
});

describe('withoutSecrets', () => {
  it('leaves secrets out', () => {
    expect(stringifyJson(withoutSecrets({ a: 1, key: new Secret('hidden text') }))).toBe('{"a":1}');
  });
});
