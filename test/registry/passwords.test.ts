import { expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { createPasswords } from '../../src/registry/passwords.ts';

const cheap = { logN: 4, r: 8, p: 1 };
const right = new Secret('correct horse battery');

it('a password matches its own hash only, and two hashes of one password differ', async () => {
  const passwords = createPasswords(cheap);
  const [one, two] = [await passwords.hash(right), await passwords.hash(right)];
  expect(one).not.toBe(two);
  expect(await passwords.matches(right, one)).toBe(true);
  expect(await passwords.matches(new Secret('correct horse batterz'), one)).toBe(false);
});

it('a missing or unreadable hash matches nothing, not even an empty password', async () => {
  const passwords = createPasswords(cheap);
  for (const stored of [undefined, '', 'scrypt$4$8$1$$', 'x']) {
    expect([stored, await passwords.matches(new Secret(''), stored)]).toEqual([stored, false]);
  }
});

it('a hash of another cost is checked at its own', async () => {
  const stored = await createPasswords({ logN: 6, r: 8, p: 2 }).hash(right);
  expect(stored).toMatch(/^scrypt\$6\$8\$2\$/);
  expect(await createPasswords(cheap).matches(right, stored)).toBe(true);
});

it('too many at once are refused, and the next ones are served again', async () => {
  const passwords = createPasswords(cheap);
  const all = await Promise.allSettled(Array.from({ length: 80 }, () => passwords.hash(right)));
  const refused = all.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(16);
  expect(refused[0]).toMatchObject({ reason: { code: 'RATE_LIMITED' } });
  expect(await passwords.hash(right)).toMatch(/^scrypt/);
});
