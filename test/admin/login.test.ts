import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUserTokens } from '../../src/registry/user-tokens.ts';
import { type Harness, startHarness } from './harness.ts';

const PASSWORD = 'a long enough password';
let harness: Harness;
let id: string;
beforeAll(async () => {
  harness = await startHarness({ free: 100, baseMs: 20, maxMs: 40 });
  const made = await harness.api('POST', '/api/gridmoor/users', {
    name: 'Ops@Example.com',
    role: 'operator',
    password: PASSWORD,
  });
  expect(made.statusCode).toBe(201);
  id = made.json().id;
});
afterAll(() => harness[Symbol.asyncDispose]());

interface Pair {
  readonly token: string;
  readonly refreshToken: string;
}
const login = async (username = 'ops@example.com', password = PASSWORD) =>
  harness.inject({
    method: 'POST',
    url: '/api/auth/login',
    payload: JSON.stringify({ username, password }),
    headers: { 'content-type': 'application/json' },
  });
const pair = async (): Promise<Pair> => (await login()).json();
const status = async (token: string, header = 'x-authorization') =>
  (await harness.inject({ url: '/api/gridmoor/status', headers: { [header]: `Bearer ${token}` } })).statusCode;
const post = (url: string, body: unknown, token = '') => harness.api('POST', url, body, token);

describe('a token that has expired', () => {
  it("is 401 with the number by which ThingsBoard's clients fetch a new one, and no guess of a key", async () => {
    const { token } = await pair();
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const expired = createUserTokens(harness.core.hash).sign({ ...claims, exp: claims.iat - 1 });
    for (let i = 0; i < 200; i++) {
      const answer = await harness.api('GET', '/api/auth/user', undefined, expired);
      expect(answer.json()).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED', errorCode: 11 });
    }
  });
});

describe('login', () => {
  it('gives tokens that both headers take, and says who has logged in', async () => {
    const { token } = await pair();
    expect(await status(token)).toBe(200);
    expect(await status(token, 'authorization')).toBe(200);
    const user = (await harness.api('GET', '/api/auth/user', undefined, token)).json();
    expect(user).toMatchObject({ name: 'ops@example.com', email: 'ops@example.com', authority: 'TENANT_ADMIN' });
    expect(user.id).toEqual({ entityType: 'USER', id });
    const [, body = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
      exp: number;
      iat: number;
      scopes: string[];
    };
    expect(claims.exp - claims.iat).toBe(9_000);
    expect(claims.scopes).toEqual(['TENANT_ADMIN']);
  });

  it('of a wrong password and of an unknown name is one answer', async () => {
    const [wrong, unknown] = [await login('ops@example.com', 'another password'), await login('nobody@example.com')];
    expect(wrong.statusCode).toBe(401);
    expect(unknown.json()).toEqual({ ...wrong.json(), timestamp: expect.any(Number) });
  });

  it('that fails again and again is answered ever later', async () => {
    const own = await startHarness({ free: 0, baseMs: 400, maxMs: 400 });
    const before = performance.now();
    const answer = await own.api('POST', '/api/auth/login', { username: 'x', password: 'y' }, '');
    expect(answer.statusCode).toBe(401);
    expect(performance.now() - before).toBeGreaterThan(400);
    expect((await own.inject({ url: '/metrics' })).body).toMatch(/refusals_total\{reason="api:bad-login"\} 1/);
    await own[Symbol.asyncDispose]();
  });

  it('is for the role that the user has', async () => {
    const { token } = await pair();
    expect((await harness.api('GET', '/api/gridmoor/audit', undefined, token)).statusCode).toBe(200);
    expect((await post('/api/gridmoor/users', { name: 'x' }, token)).json().code).toBe('FORBIDDEN');
    expect((await harness.api('GET', '/api/gridmoor/users', undefined, token)).statusCode).toBe(403);
  });
});

describe('tokens', () => {
  it('are renewed by the refresh token only, and the refresh token opens nothing else', async () => {
    const { token, refreshToken } = await pair();
    const next: Pair = (await post('/api/auth/token', { refreshToken })).json();
    expect(await status(next.token)).toBe(200);
    expect((await post('/api/auth/token', { refreshToken: token })).statusCode).toBe(401);
    expect(await status(refreshToken)).toBe(401);
  });

  it('that were changed, or name another algorithm, are refused', async () => {
    const [header = '', body = '', signature = ''] = (await pair()).token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...claims, exp: 9_999_999_999 })).toString('base64url');
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    for (const token of [
      `${header}.${forged}.${signature}`,
      `${none}.${body}.`,
      `${none}.${body}.${signature}`,
      `${header}.${body}`,
      `${header}.${body}.${'A'.repeat(43)}`,
    ]) {
      expect([token, await status(token)]).toEqual([token, 401]);
    }
  });

  it('of a session that was logged out end, those of another session go on', async () => {
    const [one, two] = [await pair(), await pair()];
    expect((await post('/api/auth/logout', undefined, one.token)).statusCode).toBe(200);
    expect(await status(one.token)).toBe(401);
    expect((await post('/api/auth/token', { refreshToken: one.refreshToken })).statusCode).toBe(401);
    expect(await status(two.token)).toBe(200);
  });

  it('of all sessions end when the password changes', async () => {
    const [one, two] = [await pair(), await pair()];
    const wrong = { currentPassword: 'not the password', newPassword: 'another long password' };
    expect((await post('/api/auth/changePassword', wrong, one.token)).statusCode).toBe(401);
    const short = { currentPassword: PASSWORD, newPassword: 'short' };
    expect((await post('/api/auth/changePassword', short, one.token)).json().code).toBe('BAD_REQUEST');
    const right = { currentPassword: PASSWORD, newPassword: 'another long password' };
    const next: Pair = (await post('/api/auth/changePassword', right, one.token)).json();
    expect([await status(one.token), await status(two.token), await status(next.token)]).toEqual([401, 401, 200]);
    expect((await login()).statusCode).toBe(401);
    expect((await harness.api('POST', `/api/gridmoor/users/${id}/password`, { password: PASSWORD })).statusCode).toBe(
      200,
    );
    expect(await status(next.token)).toBe(401);
    expect((await login()).statusCode).toBe(200);
  });

  it('of a deleted user end', async () => {
    const made = (await harness.api('POST', '/api/gridmoor/users', { name: 'gone' })).json();
    const { token } = (await login('gone', made.password)).json();
    expect(await status(token)).toBe(200);
    expect((await harness.api('DELETE', `/api/gridmoor/users/${made.id}`)).statusCode).toBe(204);
    expect(await status(token)).toBe(401);
    expect((await login('gone', made.password)).statusCode).toBe(401);
  });
});

describe('users', () => {
  it('have unique names in any case, and no password is ever shown again, logged or stored in clear', async () => {
    const again = await harness.api('POST', '/api/gridmoor/users', { name: 'OPS@example.com', role: 'operator' });
    expect(again.json().code).toBe('NAME_TAKEN');
    const listed = await harness.api('GET', '/api/gridmoor/users');
    expect(listed.json().data[0]).toEqual({
      id,
      name: 'ops@example.com',
      role: 'operator',
      createdTime: expect.any(Number),
    });
    await pair();
    expect(harness.logLines.join('\n')).not.toContain(PASSWORD);
    expect(JSON.stringify(await harness.core.storage.users.userByName('ops@example.com'))).not.toContain(PASSWORD);
    expect((await harness.api('GET', '/api/gridmoor/audit')).body).not.toContain(PASSWORD);
  });

  it('of the role supplier need a supplier, others have none', async () => {
    const supplier = await harness.supplier('Voltio');
    const create = (body: object) => harness.api('POST', '/api/gridmoor/users', { name: 's', ...body });
    expect((await create({ role: 'supplier' })).json().at).toBe('supplier');
    expect((await create({ role: 'operator', supplier: supplier.id })).json().at).toBe('supplier');
    expect((await create({ role: 'supplier', supplier: 'nobody' })).json().code).toBe('SUPPLIER_NOT_FOUND');
    expect((await create({ role: 'supplier', supplier: 'Voltio' })).json().supplierId).toBe(supplier.id);
  });
});
