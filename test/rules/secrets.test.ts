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

  it.each([
    'power_supplier_secret_key',
    'PowerSupplierSecretKey',
    'Power supplier-secret key ',
    'POWER_SUPPLIER_SECRET_KEY',
    'tag_Power_supplier_secret_key', // as a device of EnOS or Alibaba tags itself
  ])('wraps a mistyped key as well: %j', (name) => {
    const data = wrapSecrets({ [name]: 'hidden text', near: 1 }, new Set(['Power_supplier_secret_key']));
    expect(withoutSecrets(data)).toEqual({ near: 1 });
  });

  it('leaves a key alone that only begins alike', () => {
    const plain = { keys: 1, ke: 2, 'key.x': 3 };
    expect(wrapSecrets(plain, keys)).toBe(plain);
  });

  it('redacts a secret deeper in the body and keeps the rest; without one the value is the same', () => {
    const config = { list: [{ Key: 'hidden text', near: 1 }, 2], other: { x: new ExactNumber('42.0') } };
    const plain = { deep: { list: [1, { near: null }] } };
    expect(wrapSecrets(plain, keys)).toBe(plain);
    const data = wrapSecrets({ deep: config, a: 1 }, keys);
    expect(stringifyJson(withoutSecrets(data))).toBe(
      '{"deep":{"list":[{"Key":"[redacted]","near":1},2],"other":{"x":42.0}},"a":1}',
    );
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
