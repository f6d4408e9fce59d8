import { expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { createPasswords } from '../../src/registry/passwords.ts';

const cheap = { logN: 4, r: 8, p: 1 };
const right = new Secret('correct horse battery');

it('a password matches its own hash only, and two hashes of one password differ', async () => {
  const passwords = createPasswords(cheap);
  const [one, two] = [await passwords.hash(right), await passwords.hash(right)];
  expect(one).not.toBe(two);
  expect(await passwords.matches(right, one, '192.0.2.1')).toBe(true);
  expect(await passwords.matches(new Secret('correct horse batterz'), one, '192.0.2.1')).toBe(false);
});

it('a missing or unreadable hash matches nothing, not even an empty password', async () => {
  const passwords = createPasswords(cheap);
  for (const stored of [undefined, '', 'scrypt$4$8$1$$', 'x']) {
    expect([stored, await passwords.matches(new Secret(''), stored, '192.0.2.1')]).toEqual([stored, false]);
  }
});

it('a hash of another cost is checked at its own', async () => {
  const stored = await createPasswords({ logN: 6, r: 8, p: 2 }).hash(right);
  expect(stored).toMatch(/^scrypt\$6\$8\$2\$/);
  expect(await createPasswords(cheap).matches(right, stored, '192.0.2.1')).toBe(true);
});

it('too many of one address are refused, another address is served after one more, and later all are again', async () => {
  const passwords = createPasswords(cheap);
  const stored = await passwords.hash(right);
  const order: string[] = [];
  const login = (from: string) => passwords.matches(right, stored, from).finally(() => order.push(from));
  const flood = Array.from({ length: 20 }, () => login('192.0.2.1'));
  const honest = login('198.51.100.7');
  const ends = await Promise.allSettled(flood);
  expect(await honest).toBe(true);
  const refused = ends.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(11); // one was at work, eight waited
  expect(refused[0]).toMatchObject({ reason: { code: 'RATE_LIMITED' } });
  expect(order.filter((_, at) => at >= refused.length).indexOf('198.51.100.7')).toBeLessThan(3);
  expect(await login('192.0.2.1')).toBe(true);
});

it('when a flood from many addresses has all places, an address without one still gets in', async () => {
  const passwords = createPasswords(cheap);
  const stored = await passwords.hash(right);
  const flood = Array.from({ length: 200 }, (_, at) => passwords.matches(right, stored, `192.0.2.${at % 20}`));
  const honest = passwords.matches(right, stored, '198.51.100.7');
  const ends = await Promise.allSettled(flood);
  expect(await honest).toBe(true);
  expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(65);
});
