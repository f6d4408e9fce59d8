import { describe, expect, it } from 'vitest';
import { newUserId, type UserId } from '../../../src/model/ids.ts';
import type { User } from '../../../src/storage/user-store.ts';
import { benchFor, type MakeStore } from './harness.ts';

const aUser = (name: string): User => ({
  id: newUserId(1_700_000_000_000),
  name,
  role: 'operator',
  passwordHash: `hash of ${name}`,
  epoch: 1,
  endedSessions: [],
  createdAt: 1_700_000_000_000,
});

export function userConformance(name: string, make: MakeStore): void {
  describe(`${name}: users`, () => {
    const bench = benchFor(make);
    const users = () => bench.storage.users;

    it('a user is found by id and name, also after a reopen', async () => {
      const user = aUser('a@example.com');
      expect(await users().createUser(user)).toBe('created');
      await bench.reopen();
      expect(await users().user(user.id)).toEqual(user);
      expect(await users().userByName('a@example.com')).toEqual(user);
      expect(await users().userByName('A@example.com')).toBeUndefined();
      expect(await users().user('nothing' as UserId)).toBeUndefined();
    });

    it('of many that take one name, one gets it', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => users().createUser(aUser('one'))));
      expect(answers.filter((answer) => answer === 'created')).toHaveLength(1);
      expect((await users().users({ page: 0, pageSize: 5 })).totalElements).toBe(1);
    });

    it('lists by name, in pages', async () => {
      for (const one of ['c', 'a', 'b']) await users().createUser(aUser(one));
      const page = await users().users({ page: 0, pageSize: 2 });
      expect([page.data.map((user) => user.name), page.totalElements, page.hasNext]).toEqual([['a', 'b'], 3, true]);
      expect((await users().users({ page: 1, pageSize: 2 })).data.map((user) => user.name)).toEqual(['c']);
    });

    it('changes called at the same time are all applied, one after the other; id and name stay', async () => {
      const user = aUser('x');
      await users().createUser(user);
      const changed = await Promise.all(
        Array.from({ length: 5 }, () =>
          users().updateUser(user.id, (former) => ({ ...former, name: 'other', epoch: former.epoch + 1 })),
        ),
      );
      expect(changed.map((one) => one?.epoch)).toEqual([2, 3, 4, 5, 6]);
      expect(await users().userByName('x')).toEqual({ ...user, epoch: 6 });
      expect(await users().userByName('other')).toBeUndefined();
      expect(await users().updateUser(newUserId(1), (former) => former)).toBeUndefined();
    });

    it('a deleted user is gone and the name is free', async () => {
      const user = aUser('x');
      await users().createUser(user);
      expect(await users().deleteUser(user.id)).toBe(true);
      expect(await users().deleteUser(user.id)).toBe(false);
      expect(await users().user(user.id)).toBeUndefined();
      expect(await users().userByName('x')).toBeUndefined();
      expect((await users().users({ page: 0, pageSize: 5 })).totalElements).toBe(0);
      expect(await users().createUser(aUser('x'))).toBe('created');
    });
  });
}
