import { apiPath, type Client, createClient, type Page, urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { group } from './frame.ts';
import { CommandFailure, EXIT, type Io } from './io.ts';
import { pagingFlags, pagingOf, printPage } from './paging.ts';
import { readSecretFile } from './secret-input.ts';
import { printOnce } from './secret-output.ts';
import { formatTime, printJson } from './table.ts';

const USERS = '/api/gridmoor/users';
const PAGE_SIZE = 1_000;

interface User {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly supplierId?: string;
  readonly subtree?: string;
  readonly createdTime: number;
}

const passwordFlag = {
  'password-file': {
    type: 'string',
    value: '<path>',
    summary: 'file with the password, - for stdin; else one is made',
  },
} as const;

async function passwordOf(io: Io, path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readSecretFile(io, path)).reveal();
}

/** The user of a name, in any case of letters, or of an id. */
async function findUser(client: Client, typed: string): Promise<User> {
  const name = typed.toLowerCase();
  for (let page = 0, more = true; more; page++) {
    const found = await client.get<Page<User>>(USERS, { page, pageSize: PAGE_SIZE });
    const user = found.data.find((one) => one.name.toLowerCase() === name || one.id === name);
    if (user) return user;
    more = found.hasNext;
  }
  throw new CommandFailure(EXIT.findings, `There is no user "${typed}". Known ones: gridmoor user list`);
}

const create = defineCommand({
  name: 'user create',
  summary: 'Creates a user of the management API and prints the password, once.',
  args: '<name>',
  flags: {
    role: { type: 'string', value: '<role>', summary: 'one of those of apikey create' },
    supplier: { type: 'string', value: '<name>', summary: 'whose devices a user of the role supplier reads' },
    subtree: { type: 'string', value: '<tree>/<node>', summary: 'the part of a tree they see and steer, and no more' },
    ...passwordFlag,
    ...urlFlag,
  },
  examples: ['gridmoor user create ops@example.com --role operator'],
  async run({ url, json, role, supplier, subtree, 'password-file': path }, [name = ''], io) {
    const body = { name, role, supplier, subtree, password: await passwordOf(io, path) };
    const made = await createClient(io, url).post<User & { readonly password: string }>(USERS, body);
    const { id, role: given, supplierId, password } = made;
    const facts = [
      ['id', id],
      ['name', made.name],
      ['role', given],
      ['supplier', supplierId],
      ['subtree', made.subtree],
      ['password', password],
    ] as const;
    printOnce(io, made, { json, facts, what: 'The password is' });
    return EXIT.fine;
  },
});

const list = defineCommand({
  name: 'user list',
  summary: 'Lists the users of the management API.',
  flags: { ...pagingFlags, ...urlFlag },
  examples: ['gridmoor user list'],
  async run({ url, json, ...given }, _args, io) {
    const page = await createClient(io, url).get<Page<User>>(USERS, pagingOf(given));
    printPage(io, page, { json, given }, ['id', 'name', 'role', 'created', 'supplier', 'subtree'], (one) => [
      one.id,
      one.name,
      one.role,
      formatTime(one.createdTime),
      one.supplierId ?? '-',
      one.subtree ?? '-',
    ]);
    return EXIT.fine;
  },
});

const password = defineCommand({
  name: 'user password',
  summary: 'Gives a user a new password and prints it, once; all sessions of the user end.',
  args: '<user>',
  flags: { ...passwordFlag, ...urlFlag },
  examples: ['gridmoor user password ops@example.com'],
  async run({ url, json, 'password-file': path }, [typed = ''], io) {
    const client = createClient(io, url);
    const body = { password: await passwordOf(io, path) };
    const { id, name } = await findUser(client, typed);
    const made = await client.post<{ readonly password: string }>(apiPath`/api/gridmoor/users/${id}/password`, body);
    const facts = [
      ['name', name],
      ['password', made.password],
    ] as const;
    printOnce(io, made, { json, facts, what: 'The password is' });
    return EXIT.fine;
  },
});

const remove = defineCommand({
  name: 'user delete',
  summary: 'Deletes a user; all sessions of the user end.',
  args: '<user>',
  flags: urlFlag,
  examples: ['gridmoor user delete ops@example.com'],
  async run({ url, json }, [typed = ''], io) {
    const client = createClient(io, url);
    const { id, name } = await findUser(client, typed);
    await client.delete(apiPath`/api/gridmoor/users/${id}`);
    if (json) printJson(io, { deleted: id });
    else io.stdout.write(`deleted ${name}\n`);
    return EXIT.fine;
  },
});

export const run = group('user', 'People who log in to the management API.', [create, list, password, remove]);
