import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const USERS = '/api/gridmoor/users';
const ID = '01890000-0000-7000-8000-000000000002';
const user = { id: ID, name: 'ops@example.com', role: 'operator', createdTime: 0 };
const first = `GET ${USERS}?page=0&pageSize=1000`;

describe('user', () => {
  it('create takes the password from a file or standard input only, and prints it once', async () => {
    await using api = await startApi({ [`POST ${USERS}`]: { status: 201, body: { ...user, password: 'made' } } });
    const words = ['user', 'create', 'ops@example.com', '--role', 'operator'];
    const ran = await runCli([...words, '--password-file', '-'], { env: api.env, stdin: 'a long enough one\n' });
    expect(api.asked[0]?.body).toEqual({ name: user.name, role: 'operator', password: 'a long enough one' });
    expect(ran.stdout).toMatch(/^password: +made$/m);
    expect(ran.stderr).toContain('shown this once');
    expect(await runCli([...words, '--password', 'x'], { env: api.env })).toMatchObject({ code: 2 });
  });

  it('create sends the supplier of a user of that role', async () => {
    await using api = await startApi({ [`POST ${USERS}`]: { status: 201, body: { ...user, password: 'made' } } });
    await runCli(['user', 'create', 'u', '--role', 'supplier', '--supplier', 'Sol'], { env: api.env });
    expect(api.asked[0]?.body).toEqual({ name: 'u', role: 'supplier', supplier: 'Sol' });
  });

  it('list prints one row a user', async () => {
    await using api = await startApi({
      [`GET ${USERS}?page=0&pageSize=100`]: { body: { data: [user], totalElements: 1, hasNext: false } },
    });
    const ran = await runCli(['user', 'list'], { env: api.env });
    expect(ran.stdout).toBe(`${ID}\tops@example.com\toperator\t1970-01-01T00:00:00Z\t-\t-\n`);
  });

  it.each(['OPS@example.com', ID])('password and delete find the user %s, on any page', async (typed) => {
    const other = { ...user, id: 'x', name: 'other' };
    await using api = await startApi({
      [first]: { body: { data: [other], totalElements: 2, hasNext: true } },
      [`GET ${USERS}?page=1&pageSize=1000`]: { body: { data: [user], totalElements: 2, hasNext: false } },
      [`POST ${USERS}/${ID}/password`]: { body: { id: ID, password: 'made' } },
      [`DELETE ${USERS}/${ID}`]: { status: 204, body: '' },
    });
    expect((await runCli(['user', 'password', typed], { env: api.env })).stdout).toMatch(/^password: +made$/m);
    expect((await runCli(['user', 'delete', typed], { env: api.env })).stdout).toBe('deleted ops@example.com\n');
  });

  it('an unknown user is named', async () => {
    await using api = await startApi({ [first]: { body: { data: [user], totalElements: 1, hasNext: false } } });
    expect(await runCli(['user', 'delete', 'nobody'], { env: api.env })).toMatchObject({
      code: 1,
      stderr: 'There is no user "nobody". Known ones: gridmoor user list\n',
    });
  });
});
