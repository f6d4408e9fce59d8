import { randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import { type AssetId, newUserId, newUuid, parseUserId, type UserId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { Role } from '../model/role.ts';
import { Secret } from '../model/secret.ts';
import type { Subtree } from '../model/tree.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { User, UserStore } from '../storage/user-store.ts';
import { checkSubtreeOf, checkSupplierOf, type Principal } from './api-keys.ts';
import type { Passwords } from './passwords.ts';
import { nameProblem } from './registry.ts';
import { createUserTokens, type TokenClaims } from './user-tokens.ts';

const ACCESS_SECONDS = 9_000;
const REFRESH_SECONDS = 7 * 86_400;
const MIN_PASSWORD = 12;
const MAX_PASSWORD = 512;
/** Beyond it, the next logout of a user ends all of the user's sessions. */
const MAX_ENDED_SESSIONS = 100;

export interface TokenPair {
  readonly token: Secret;
  readonly refreshToken: Secret;
}

export type TokenLogin =
  | { readonly kind: 'user'; readonly principal: Principal; readonly expiresAt: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid' };

/** People who log in to the management API with name and password, and their tokens. */
export interface Users {
  /** Throws NAME_TAKEN, BAD_REQUEST. Without a password one is made; it is given out here, once. */
  create(options: {
    readonly name: string;
    readonly role: Role;
    readonly supplierId?: AssetId;
    readonly subtree?: Subtree;
    readonly password?: Secret;
    readonly by: string;
  }): Promise<{ readonly user: User; readonly password: Secret }>;
  user(id: UserId): Promise<User | undefined>;
  list(query: PageQuery): Promise<Page<User>>;
  /** All tokens of the user are void from then on. Throws NOT_FOUND. */
  remove(id: UserId, by: string): Promise<void>;
  /** The same, then the new password holds; without one it is made. Throws NOT_FOUND, BAD_REQUEST. */
  setPassword(id: UserId, password: Secret | undefined, by: string): Promise<Secret>;
  /** Undefined for an unknown name and a wrong password alike, in one time. Throws RATE_LIMITED when too many of the address wait. */
  login(name: string, password: Secret, address: string): Promise<TokenPair | undefined>;
  /** A new pair for the session of a refresh token. */
  refresh(refreshToken: Secret): Promise<TokenPair | undefined>;
  /** The tokens of the session end; those of other sessions of the user go on. */
  logout(token: Secret): Promise<void>;
  authenticate(token: Secret): Promise<TokenLogin>;
}

export function createUsers(parts: {
  readonly store: UserStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  readonly passwords: Passwords;
}): Users {
  const { store, audit, clock, passwords } = parts;
  const tokens = createUserTokens(parts.hash);
  const note = (action: string, by: string, id: UserId, outcome: string, facts = {}) =>
    audit.append({ at: clock.now(), action, by, subject: `user:${id}`, outcome, facts });

  const pairOf = (user: User, sessionId: string): TokenPair => {
    const iat = Math.floor(clock.now() / 1_000);
    const claims = (scope: string, seconds: number): Secret =>
      new Secret(
        tokens.sign({
          sub: user.name,
          userId: user.id,
          scopes: [scope],
          sessionId,
          epoch: user.epoch,
          iss: 'gridmoor',
          iat,
          exp: iat + seconds,
        }),
      );
    return {
      token: claims(authorityOf(user.role), ACCESS_SECONDS),
      refreshToken: claims(REFRESH_SCOPE, REFRESH_SECONDS),
    };
  };

  const holderOf = async (token: Secret, refresh: boolean) => {
    const verdict = tokens.verify(token.reveal(), clock.now());
    if (verdict.kind !== 'valid') return verdict;
    const { claims } = verdict;
    const id = parseUserId(claims.userId);
    const user = id && (await store.user(id));
    const live = user !== undefined && user.epoch === claims.epoch && !hasEnded(user, claims);
    if (!live || claims.scopes.includes(REFRESH_SCOPE) !== refresh) return { kind: 'invalid' } as const;
    return { kind: 'user', user, claims } as const;
  };

  return {
    async create({ name: rawName, role, supplierId, subtree, password: given, by }) {
      const name = userName(rawName);
      const problem = nameProblem(name);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
      checkSupplierOf(role, supplierId);
      checkSubtreeOf(role, subtree);
      const password = checkedPassword(given);
      const now = clock.now();
      const user: User = {
        id: newUserId(now),
        name,
        role,
        passwordHash: await passwords.hash(password),
        epoch: 1,
        endedSessions: [],
        createdAt: now,
        ...(supplierId === undefined ? {} : { supplierId }),
        ...(subtree ? { subtree } : {}),
      };
      if ((await store.createUser(user)) === 'name-taken') throw new BrokerError('NAME_TAKEN', { field: 'name' });
      await note('user.create', by, user.id, 'created', { role });
      return { user, password };
    },

    user: (id) => store.user(id),
    list: (query) => store.users(query),

    async remove(id, by) {
      if (!(await store.deleteUser(id))) throw new BrokerError('NOT_FOUND', { user: id });
      await note('user.delete', by, id, 'deleted');
    },

    async setPassword(id, given, by) {
      const password = checkedPassword(given);
      const passwordHash = await passwords.hash(password);
      const changed = await store.updateUser(id, (user) => ({
        ...user,
        passwordHash,
        epoch: user.epoch + 1,
        endedSessions: [],
      }));
      if (!changed) throw new BrokerError('NOT_FOUND', { user: id });
      await note('user.password', by, id, 'changed');
      return password;
    },

    async login(name, password, address) {
      const user = await store.userByName(userName(name).slice(0, 255));
      const matches = await passwords.matches(
        new Secret(password.reveal().slice(0, MAX_PASSWORD + 1)),
        user?.passwordHash,
        address,
      );
      if (!matches || !user) return undefined;
      await note('user.login', `user:${user.id}`, user.id, 'logged in');
      return pairOf(user, newUuid(clock.now()));
    },

    async refresh(refreshToken) {
      const holder = await holderOf(refreshToken, true);
      return holder.kind === 'user' ? pairOf(holder.user, holder.claims.sessionId) : undefined;
    },

    async logout(token) {
      const holder = await holderOf(token, false);
      if (holder.kind !== 'user') return;
      const now = clock.now();
      const ended = { id: holder.claims.sessionId, until: now + REFRESH_SECONDS * 1_000 };
      await store.updateUser(holder.user.id, (user) => {
        const others = user.endedSessions.filter(({ until }) => until > now);
        if (others.length >= MAX_ENDED_SESSIONS) return { ...user, epoch: user.epoch + 1, endedSessions: [] };
        return { ...user, endedSessions: [...others, ended] };
      });
      await note('user.logout', `user:${holder.user.id}`, holder.user.id, 'logged out');
    },

    async authenticate(token) {
      const holder = await holderOf(token, false);
      if (holder.kind !== 'user') return { kind: holder.kind === 'expired' ? 'expired' : 'invalid' };
      const { id, role, supplierId, subtree } = holder.user;
      const principal: Principal = {
        by: `user:${id}`,
        role,
        userId: id,
        ...(supplierId === undefined ? {} : { supplierId }),
        ...(subtree ? { subtree } : {}),
      };
      return { kind: 'user', principal, expiresAt: holder.claims.exp * 1_000 };
    },
  };
}

const REFRESH_SCOPE = 'REFRESH_TOKEN';

/** The nearest of ThingsBoard's authorities: its clients choose by it what they show. */
export const authorityOf = (role: Role): 'TENANT_ADMIN' | 'CUSTOMER_USER' =>
  role === 'supplier' ? 'CUSTOMER_USER' : 'TENANT_ADMIN';

/** E-mail addresses are one name in any case. */
const userName = (name: string): string => name.trim().toLowerCase();

const hasEnded = (user: User, { sessionId }: TokenClaims): boolean =>
  user.endedSessions.some(({ id }) => id === sessionId);

function checkedPassword(given: Secret | undefined): Secret {
  if (given === undefined) return new Secret(randomBytes(18).toString('base64url'));
  const { length } = given.reveal();
  if (length < MIN_PASSWORD || length > MAX_PASSWORD) {
    const detail = `a password needs ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`;
    throw new BrokerError('BAD_REQUEST', { field: 'password', detail });
  }
  return given;
}
