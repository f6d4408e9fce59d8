import { BrokerError } from '../errors.ts';
import { parseUserId, type UserId } from '../model/ids.ts';
import { ROLES } from '../model/role.ts';
import { Secret } from '../model/secret.ts';
import { formatSubtree } from '../model/tree.ts';
import { oneOf, optional, text } from '../schema/fields.ts';
import type { User } from '../storage/user-store.ts';
import type { AdminDeps } from './deps.ts';
import { idParam, pageFields, supplierIdOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { subtreeOf } from './trees.ts';
import { NO_CONTENT, object, pageOf, toPage } from './wire.ts';

const URL = '/api/gridmoor/users';
const tag = 'users';
const string = { type: 'string' } as const;
const USER = {
  id: string,
  name: string,
  role: string,
  'supplierId?': string,
  'subtree?': string,
  createdTime: { type: 'integer' },
};
const password = { ...string, description: 'Shown this once.' } as const;
const own = optional(text('12 to 512 characters; absent: one is made.'));

const toUser = ({ id, name, role, supplierId, subtree, createdAt }: User) => ({
  id,
  name,
  role,
  supplierId,
  subtree: subtree && formatSubtree(subtree),
  createdTime: createdAt,
});

/** People who may log in. */
export function userRoutes(deps: AdminDeps): readonly Route[] {
  const { users } = deps;
  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Creates a user, who logs in with name and password; the password is shown this once.',
      role: 'administrator',
      body: {
        name: text('Unique, such as an e-mail address; in any case of letters.'),
        role: oneOf('All; all but secrets; reading; reading the devices of one supplier; or one kind of work.', ROLES, {
          default: 'read-only',
        }),
        supplier: optional(text('Id or name of the supplier, for the role supplier.')),
        subtree: optional(text('What the user sees and steers, and nothing else: <tree>/<node>. Absent: everything.')),
        password: own,
      },
      status: 201,
      answer: object({ ...USER, password }),
      async handle({ body, by }) {
        const { name, role } = body;
        const made = await users.create({
          name,
          role,
          by,
          ...(await supplierIdOf(body.supplier, deps)),
          ...(await subtreeOf(body.subtree, deps)),
          ...(body.password === undefined ? {} : { password: new Secret(body.password) }),
        });
        return { ...toUser(made.user), password: made.password.reveal() };
      },
    }),
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists users by name.',
      role: 'administrator',
      query: pageFields,
      answer: pageOf(object(USER)),
      handle: async ({ query }) => toPage(await users.list(query), toUser),
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/password`,
      tag,
      summary: 'Sets a password, shown this once; all sessions of the user end.',
      role: 'administrator',
      params: idParam,
      body: { password: own },
      answer: object({ id: string, password }),
      async handle({ params, body, by }) {
        const id = userIdOf(params.id);
        const given = body.password === undefined ? undefined : new Secret(body.password);
        return { id, password: (await users.setPassword(id, given, by)).reveal() };
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:id`,
      tag,
      summary: 'Deletes a user; all sessions of the user end.',
      role: 'administrator',
      params: idParam,
      status: 204,
      answer: NO_CONTENT,
      handle: async ({ params, by }) => users.remove(userIdOf(params.id), by),
    }),
  ];
}

function userIdOf(text: string): UserId {
  const id = parseUserId(text);
  if (id === undefined) throw new BrokerError('BAD_REQUEST', { field: 'id', detail: '"id" is not a UUID' });
  return id;
}
