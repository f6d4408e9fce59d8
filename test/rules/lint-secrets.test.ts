import { describe, expect, it } from 'vitest';
import { findSecrets } from '../../src/rules/lint-secrets.ts';

const found = (value: unknown) => findSecrets(value).map(({ at, what }) => `${at} ${what}`);

describe('findSecrets', () => {
  it.each([
    [{ key: 'gms_k1_AbCdEfGhIjKlMnOpQrStUv123456' }, '/key a supplier key'],
    [{ headers: { Authorization: 'Bearer abcdef0123456789' } }, '/headers/Authorization credentials'],
    [{ url: 'mqtt://user:pass@host/' }, '/url a URL with a password'],
    [{ pem: '-----BEGIN PRIVATE KEY-----\nMIIE' }, '/pem a private key'],
    [{ password: 'hunter2!' }, '/password a value for "password"'],
    [{ password: 'plain' }, '/password a value for "password"'],
    [{ list: ['x', 'q8Zr2LmP0vXk7TnB4wYc'] }, '/list/1 a random text, perhaps a key'],
    [{ cups: 'ES 1234 1234 5678 9012 JY 0F' }, '/cups a supply point code'],
  ])('finds %j', (value, expected) => {
    expect(found(value)).toEqual([expected]);
  });

  it.each([
    { from: 'Power_supplier_secret_key' },
    { msg: ['Power_supplier_secret_key', 'CUPS'] },
    { secret: { env: 'PROVISION_SECRET_SMART_METER' } },
    { token: '${deviceToken}' },
    { url: 'https://host.example/path' },
    { text: 'a sentence of ordinary words, even a long one' },
    { table: 'lookups/distributors.json' },
    { password: '' },
    { n: 1_750_000_000_000 },
  ])('finds nothing in %j', (value) => {
    expect(found(value)).toEqual([]);
  });
});
