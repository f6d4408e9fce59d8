import type { User, UserStore } from '../user-store.ts';
import type { Committer } from './committer.ts';
import type { Environment } from './environment.ts';
import { idKey, newIdKey, textKey } from './keys.ts';
import { adjustCounter, getJson, pageOf, putJson, readCounter } from './records.ts';

/** Name of the counter. */
export const USERS = 'users';
const EVERYTHING = { from: Buffer.from([0]), to: Buffer.from([0xff]) };

export function createUserStore(
  { tables: { counters, users, userNames } }: Environment,
  committer: Committer,
): UserStore {
  const at = (id: Buffer | undefined): User | undefined => id && getJson<User>(users, id);
  return {
    createUser: (user) =>
      committer.run(() => {
        const name = textKey(user.name);
        if (userNames.has(name)) return 'name-taken' as const;
        const id = newIdKey(user.id);
        putJson(users, id, user);
        userNames.put(name, id);
        adjustCounter(counters, USERS, 1);
        return 'created' as const;
      }),
    user: async (id) => at(idKey(id)),
    userByName: async (name) => at(userNames.get(textKey(name))),
    async users({ page, pageSize }) {
      const total = readCounter(counters, USERS);
      return pageOf(userNames, EVERYTHING, { page, pageSize, total, toItem: (_, id) => at(id) });
    },
    async updateUser(id, change) {
      const key = idKey(id);
      if (key === undefined) return undefined;
      return committer.run(() => {
        const former = at(key);
        if (former === undefined) return undefined;
        const next = { ...change(former), id: former.id, name: former.name };
        putJson(users, key, next);
        return next;
      });
    },
    async deleteUser(id) {
      const key = idKey(id);
      if (key === undefined) return false;
      return committer.run(() => {
        const user = at(key);
        if (user === undefined) return false;
        users.remove(key);
        userNames.remove(textKey(user.name));
        adjustCounter(counters, USERS, -1);
        return true;
      });
    },
  };
}
