import type { User, UserStore } from '../user-store.ts';
import type { Commits, Draft } from './commit.ts';
import { closed, isId, KEYS, newId } from './keys.ts';
import { idByName, pageOfNames, recordOf } from './names.ts';
import type { Queue } from './queue.ts';

const memberOf = ({ name, id }: User): string => `${closed(name)}${id}`;

/** Record and index of a user. */
export function writeUser(draft: Draft, user: User): void {
  draft.write('hset', KEYS.users, newId(user.id), JSON.stringify(user));
  draft.write('zadd', KEYS.userNames, 0, memberOf(user));
}

export function createUserStore(queue: Queue, commits: Commits): UserStore {
  return {
    createUser: (user) =>
      commits.run(user.id, async (draft) => {
        if ((await draft.members(KEYS.userNames, closed(user.name), 1)).length > 0) return 'name-taken';
        writeUser(draft, user);
        return 'created';
      }),
    user: async (id) => recordOf<User>(queue, KEYS.users, id),
    async userByName(name) {
      const id = await idByName(queue, KEYS.userNames, closed(name));
      return id === undefined ? undefined : recordOf<User>(queue, KEYS.users, id);
    },
    users: (query) => pageOfNames<User>(queue, { index: KEYS.userNames, records: KEYS.users }, query),
    async updateUser(id, change) {
      if (!isId(id)) return undefined;
      return commits.run(id, async (draft) => {
        const former = await draft.record<User>(KEYS.users, id);
        if (former === undefined) return undefined;
        const next = { ...change(former), id: former.id, name: former.name };
        draft.write('hset', KEYS.users, id, JSON.stringify(next));
        return next;
      });
    },
    async deleteUser(id) {
      if (!isId(id)) return false;
      return commits.run(id, async (draft) => {
        const user = await draft.record<User>(KEYS.users, id);
        if (user === undefined) return false;
        draft.write('hdel', KEYS.users, id);
        draft.write('zrem', KEYS.userNames, memberOf(user));
        return true;
      });
    },
  };
}
