import { BrokerError } from '../errors.ts';
import { parseApiKeyId } from '../model/ids.ts';
import { ROLES } from '../model/role.ts';
import { json, number, oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { idParam, supplierIdOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { subtreeOf } from './trees.ts';
import { API_KEY, API_KEY_WITH_SECRET, NO_CONTENT, pageOf, toApiKey, wholePage } from './wire.ts';

const URL = '/api/gridmoor/api-keys';
const tag = 'api keys';
const MAX_TTL_SECONDS = 100 * 365 * 86_400;

const topicFilters = (description: string) =>
  optional(
    json<readonly string[]>(description, {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 512 },
      maxItems: 32,
    }),
  );

/** Keys of this API, with which app clients log in over MQTT too. */
export function apiKeyRoutes(deps: AdminDeps): readonly Route[] {
  const { apiKeys } = deps;
  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Creates a key, shown this once.',
      role: 'administrator',
      body: {
        name: text('What it is for.'),
        role: oneOf(
          'What it may do: all; all but secrets; reading; reading the devices of one supplier; or one kind of work.',
          ROLES,
          {
            default: 'read-only',
          },
        ),
        supplier: optional(text('Id or name of the supplier, for the role supplier.')),
        subtree: optional(text('What the key sees and steers, and nothing else: <tree>/<node>. Absent: everything.')),
        subscribe: topicFilters('Topic filters that the key may subscribe to over MQTT; absent: those of its role.'),
        publish: topicFilters('Topic filters that the key may publish to over MQTT; absent: none.'),
        calls: optional(
          json<readonly string[]>('Profiles whose devices a key of the role app may call; absent: none.', {
            type: 'array',
            items: { type: 'string', minLength: 1, maxLength: 255 },
            maxItems: 100,
          }),
        ),
        ttlSeconds: optional(
          number('How long it works; absent: until revoked.', { minimum: 1, maximum: MAX_TTL_SECONDS }),
        ),
      },
      status: 201,
      answer: API_KEY_WITH_SECRET,
      async handle({ body: { name, role, supplier, subtree, subscribe, publish, calls, ttlSeconds }, by }) {
        const ttl = ttlSeconds === undefined ? {} : { ttlMs: Math.round(ttlSeconds * 1_000) };
        const { key, secretKey } = await apiKeys.create({
          name,
          role,
          by,
          ...(await supplierIdOf(supplier, deps)),
          ...(await subtreeOf(subtree, deps)),
          topics: { ...(subscribe ? { subscribe } : {}), ...(publish ? { publish } : {}) },
          ...(calls ? { calls } : {}),
          ...ttl,
        });
        return { ...toApiKey(key), secretKey: secretKey.reveal() };
      },
    }),
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists the keys by creation, never their secrets.',
      role: 'administrator',
      answer: pageOf(API_KEY),
      handle: async () => wholePage((await apiKeys.list()).map(toApiKey)),
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:id`,
      tag,
      summary: 'Revokes a key: it stops working at once.',
      role: 'administrator',
      params: idParam,
      status: 204,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        const id = parseApiKeyId(params.id);
        if (id === undefined) throw new BrokerError('BAD_REQUEST', { field: 'id', detail: '"id" is not a UUID' });
        await apiKeys.revoke(id, by);
      },
    }),
  ];
}
