import type { IncomingHttpHeaders } from 'node:http';
import { BrokerError } from '../errors.ts';
import { isWorkRole, type LadderRole } from '../model/role.ts';
import { Secret } from '../model/secret.ts';
import type { Principal } from '../registry/api-keys.ts';
import { looksLikeToken } from '../registry/user-tokens.ts';
import type { AdminDeps } from './deps.ts';
import type { Route } from './route.ts';
import { checkSubtreeRoute } from './subtree-scope.ts';
import { isPartOf, type RouteName } from './work-roles.ts';

const RANK = { supplier: 0, 'read-only': 1, operator: 2, administrator: 3 } as const satisfies Record<
  LadderRole,
  number
>;
const MAX_KEY = 4_096;

type AuthDeps = Pick<AdminDeps, 'apiKeys' | 'users' | 'refusalPause' | 'counters'>;

export interface Identity {
  readonly principal: Principal;
  /** When a user's token runs out, ms since 1970; absent for API keys. */
  readonly expiresAt?: number;
}

/** The key or token of `X-Authorization: ApiKey <key>`, `X-Authorization: Bearer <token>` or `Authorization: Bearer <either>`. */
export function keyOf(headers: IncomingHttpHeaders): Secret | undefined {
  const text = headers['x-authorization'] ?? headers.authorization;
  if (typeof text !== 'string') return undefined;
  const key = /^(?:ApiKey|Bearer) +(\S+)$/i.exec(text)?.[1];
  return key === undefined || key.length > MAX_KEY ? undefined : new Secret(key);
}

/** Who has this key or token. Throws UNAUTHORIZED; `hang-up` when the address guesses on while its answers are held back. */
export async function identify(
  key: Secret,
  address: string,
  { apiKeys, users, refusalPause, counters }: AuthDeps,
): Promise<Identity | 'hang-up'> {
  if (looksLikeToken(key.reveal())) {
    const login = await users.authenticate(key);
    if (login.kind === 'user') return login;
    // Who holds a token of ours that has run out does not guess.
    if (login.kind === 'expired') throw new BrokerError('TOKEN_EXPIRED');
  }
  const principal = await apiKeys.authenticate(key);
  if (principal) return { principal };
  if ((await slowDown('api:bad-key', address, { refusalPause, counters })) === 'hang-up') return 'hang-up';
  throw new BrokerError('UNAUTHORIZED', { detail: 'the API key or token is not valid' });
}

/** Counts a wrong key, token or password and waits the pause of its address. */
export async function slowDown(
  reason: string,
  address: string,
  { refusalPause, counters }: Pick<AdminDeps, 'refusalPause' | 'counters'>,
): Promise<'answer' | 'hang-up'> {
  counters.refusals.set(reason, (counters.refusals.get(reason) ?? 0) + 1);
  return (await refusalPause.refused(address)) === 'drop' ? 'hang-up' : 'answer';
}

/** Who asks, when the role may use the route. Throws UNAUTHORIZED, FORBIDDEN. */
export async function authorise(
  headers: IncomingHttpHeaders,
  address: string,
  route: Pick<Route, 'role' | 'supplier'> & { readonly name: RouteName | undefined },
  deps: AuthDeps,
): Promise<Principal | 'nobody' | 'hang-up'> {
  if (route.role === 'anyone') return 'nobody';
  const key = keyOf(headers);
  if (!key) {
    const detail = 'log in, or give an API key: "Authorization: Bearer <key>" or "X-Authorization: ApiKey <key>"';
    throw new BrokerError('UNAUTHORIZED', { detail });
  }
  const identity = await identify(key, address, deps);
  if (identity === 'hang-up') return 'hang-up';
  const { principal } = identity;
  const { role } = principal;
  checkSubtreeRoute(principal, route.name);
  if (isWorkRole(role)) {
    if (route.name && isPartOf(role, route.name)) return principal;
    throw new BrokerError('FORBIDDEN', { detail: `this is no part of the role ${role}` });
  }
  const may = role === 'supplier' ? route.supplier !== undefined : RANK[role] >= RANK[route.role];
  if (!may) {
    const detail = `this needs the role ${route.role}, yours is ${principal.role}`;
    throw new BrokerError('FORBIDDEN', { detail });
  }
  return principal;
}
