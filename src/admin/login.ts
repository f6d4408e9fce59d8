import { BrokerError } from '../errors.ts';
import { TENANT } from '../model/entity.ts';
import { Secret } from '../model/secret.ts';
import { authorityOf, type TokenPair } from '../registry/users.ts';
import { text } from '../schema/fields.ts';
import { slowDown } from './auth.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, HANG_UP, type Route } from './route.ts';
import { ANY_OBJECT, NO_CONTENT, NO_CUSTOMER, object } from './wire.ts';

const string = { type: 'string' } as const;
const TOKENS = object({ token: string, refreshToken: string });
const common = { tag: 'login', lenient: true } as const;

const toTokens = ({ token, refreshToken }: TokenPair) => ({
  token: token.reveal(),
  refreshToken: refreshToken.reveal(),
});

/** Logging in and out under ThingsBoard's paths. */
export function loginRoutes(deps: AdminDeps): readonly Route[] {
  const { users } = deps;
  const refused = async (address: string, detail: string) => {
    if ((await slowDown('api:bad-login', address, deps)) === 'hang-up') return HANG_UP;
    throw new BrokerError('UNAUTHORIZED', { detail });
  };
  return [
    defineRoute({
      ...common,
      method: 'POST',
      url: '/api/auth/login',
      summary: 'Gives a token (2.5 hours) and a refresh token (7 days) for name and password.',
      role: 'anyone',
      body: { username: text('Name of the user.'), password: text('Password.') },
      answer: TOKENS,
      async handle({ body, address }) {
        const pair = await users.login(body.username, new Secret(body.password), address);
        return pair ? toTokens(pair) : refused(address, 'name or password is wrong');
      },
    }),
    defineRoute({
      ...common,
      method: 'POST',
      url: '/api/auth/token',
      summary: 'Gives a new pair of tokens for a refresh token.',
      role: 'anyone',
      body: { refreshToken: text('Refresh token.') },
      answer: TOKENS,
      async handle({ body, address }) {
        const pair = await users.refresh(new Secret(body.refreshToken));
        return pair ? toTokens(pair) : refused(address, 'the refresh token is not valid');
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: '/api/auth/user',
      summary: 'Who is logged in.',
      role: 'read-only',
      supplier: 'own',
      answer: object({
        id: object({ entityType: string, id: string }),
        name: string,
        email: string,
        authority: string,
        additionalInfo: ANY_OBJECT,
      }),
      async handle({ principal: { by, role, userId } }) {
        const user = userId === undefined ? undefined : await users.user(userId);
        const name = user?.name ?? by;
        return {
          id: { entityType: 'USER', id: userId ?? NO_CUSTOMER.id },
          createdTime: user?.createdAt ?? 0,
          tenantId: TENANT,
          customerId: NO_CUSTOMER,
          email: name,
          name,
          authority: authorityOf(role),
          firstName: null,
          lastName: null,
          phone: null,
          additionalInfo: { role },
        };
      },
    }),
    defineRoute({
      ...common,
      method: 'POST',
      url: '/api/auth/logout',
      summary: 'Ends the session of the token.',
      role: 'read-only',
      supplier: 'own',
      answer: NO_CONTENT,
      async handle({ key }) {
        if (key) await users.logout(key);
      },
    }),
    defineRoute({
      ...common,
      method: 'POST',
      url: '/api/auth/changePassword',
      summary: 'Changes the own password: all sessions end, the answer begins a new one.',
      role: 'read-only',
      supplier: 'own',
      body: { currentPassword: text('As it is.'), newPassword: text('12 to 512 characters.') },
      answer: TOKENS,
      async handle({ body, principal, address }) {
        const user = principal.userId === undefined ? undefined : await users.user(principal.userId);
        if (!user) throw new BrokerError('BAD_REQUEST', { detail: 'an API key has no password' });
        if (!(await users.login(user.name, new Secret(body.currentPassword), address))) {
          return refused(address, 'the current password is wrong');
        }
        const password = new Secret(body.newPassword);
        await users.setPassword(user.id, password, principal.by);
        const pair = await users.login(user.name, password, address);
        if (!pair) throw new BrokerError('NOT_FOUND', { user: user.id });
        return toTokens(pair);
      },
    }),
  ];
}
