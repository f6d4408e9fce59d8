import { Secret } from '../model/secret.ts';
import { SERVICE_OPERATIONS, type ServiceAccount, type ServiceOperation } from '../registry/service-account-record.ts';
import { json, number, optional, text, texts } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { NO_CONTENT, object, pageOf, wholePage } from './wire.ts';

const URL = '/api/gridmoor/service-accounts';
const tag = 'service accounts';
const MAX_TTL_SECONDS = 100 * 365 * 86_400;

const string = { type: 'string' };
const time = { type: 'integer', description: 'Milliseconds since 1970.' };
const account = {
  name: string,
  accessKey: string,
  operations: { type: 'array', items: { enum: SERVICE_OPERATIONS } },
  'profiles?': { type: 'array', items: string },
  enabled: { type: 'boolean' },
  createdTime: time,
  'expiresAt?': time,
  'skewSeconds?': { type: 'number' },
};
const ACCOUNT = object(account);
const ACCOUNT_WITH_SECRET = object({ ...account, accessSecret: { ...string, description: 'Shown this once.' } });
const nameParam = { name: text('Name of the account.') };

const toAccount = ({ createdAt, skewMs, ...rest }: ServiceAccount) => ({
  ...rest,
  createdTime: createdAt,
  ...(skewMs === undefined ? {} : { skewSeconds: skewMs / 1_000 }),
});

/** Accounts of apps that register devices over the REST API of EnOS. */
export function serviceAccountRoutes({ serviceAccounts }: AdminDeps): readonly Route[] {
  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Creates a service account; its secret is shown this once.',
      role: 'administrator',
      body: {
        name: text('Name, as `provision.serviceAccounts` of profiles has it.'),
        operations: json<readonly ServiceOperation[]>(
          'What it may do. `get-own`: read devices that it has created.',
          { type: 'array', minItems: 1, uniqueItems: true, items: { enum: SERVICE_OPERATIONS } },
          { default: ['create', 'get-own'] },
        ),
        profiles: optional(texts('Profiles it is for; absent: each that names it.', { minItems: 1 })),
        accessKey: optional(text('Of a fleet that has one already; absent: one is made.')),
        accessSecret: optional(text('The same.')),
        ttlSeconds: optional(
          number('How long it works; absent: without end.', { minimum: 1, maximum: MAX_TTL_SECONDS }),
        ),
        skewSeconds: optional(
          number('How far clocks of token requests may be off; absent: their time is not looked at.', {
            minimum: 1,
            maximum: 86_400,
          }),
        ),
      },
      status: 201,
      answer: ACCOUNT_WITH_SECRET,
      async handle({ body: { name, operations, profiles, accessKey, accessSecret, ttlSeconds, skewSeconds }, by }) {
        const made = await serviceAccounts.create({
          name,
          operations,
          by,
          ...(profiles === undefined ? {} : { profiles }),
          ...(accessKey === undefined ? {} : { accessKey }),
          ...(accessSecret === undefined ? {} : { accessSecret: new Secret(accessSecret) }),
          ...(ttlSeconds === undefined ? {} : { ttlMs: Math.round(ttlSeconds * 1_000) }),
          ...(skewSeconds === undefined ? {} : { skewMs: Math.round(skewSeconds * 1_000) }),
        });
        return { ...toAccount(made.account), accessSecret: made.accessSecret.reveal() };
      },
    }),
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists the service accounts by name, never their secrets.',
      role: 'administrator',
      answer: pageOf(ACCOUNT),
      handle: async () => wholePage((await serviceAccounts.list()).map(toAccount)),
    }),
    ...([true, false] as const).map((enabled) =>
      defineRoute({
        method: 'POST',
        url: `${URL}/:name/${enabled ? 'enable' : 'disable'}`,
        tag,
        summary: enabled
          ? 'Switches an account on again.'
          : 'The kill switch: its key and tokens stop working at once.',
        role: 'administrator',
        params: nameParam,
        answer: ACCOUNT,
        handle: async ({ params, by }) => toAccount(await serviceAccounts.setEnabled(params.name, enabled, by)),
      }),
    ),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:name`,
      tag,
      summary: 'Deletes an account; devices that it created stay.',
      role: 'administrator',
      params: nameParam,
      status: 204,
      answer: NO_CONTENT,
      handle: ({ params, by }) => serviceAccounts.remove(params.name, by),
    }),
  ];
}
