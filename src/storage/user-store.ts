import type { Page, PageQuery } from '../model/entity.ts';
import type { AssetId, UserId } from '../model/ids.ts';
import type { Role } from '../model/role.ts';
import type { Subtree } from '../model/tree.ts';

/** A session that was logged out; kept until its tokens have run out by themselves. */
export interface EndedSession {
  readonly id: string;
  readonly until: number;
}

/** A person who logs in to the management API. Times in milliseconds since 1970. */
export interface User {
  readonly id: UserId;
  /** Unique; compared as it stands, so the caller brings it to one form. */
  readonly name: string;
  readonly role: Role;
  /** The supplier whose devices a user of the role `supplier` sees. */
  readonly supplierId?: AssetId;
  /** The user sees and steers what stands in this part of a tree, and nothing else. */
  readonly subtree?: Subtree;
  readonly passwordHash: string;
  /** Grows when the password changes: tokens of an earlier one are void. */
  readonly epoch: number;
  readonly endedSessions: readonly EndedSession[];
  readonly createdAt: number;
}

/** Users. Promises of writes settle after the write is durable. */
export interface UserStore {
  createUser(user: User): Promise<'created' | 'name-taken'>;
  user(id: UserId): Promise<User | undefined>;
  userByName(name: string): Promise<User | undefined>;
  /** Ordered by the UTF-8 bytes of the name. */
  users(query: PageQuery): Promise<Page<User>>;
  /** Atomic: gives the user as `change` left it, undefined when unknown. `change` keeps id and name, and is pure. */
  updateUser(id: UserId, change: (user: User) => User): Promise<User | undefined>;
  /** False when unknown. The name is free in the same step. */
  deleteUser(id: UserId): Promise<boolean>;
}
