import { ENTITY_TYPES, type EntityType } from '../model/entity.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope } from '../model/telemetry.ts';
import { oneOf, optional, text } from '../schema/fields.ts';
import { createAttributeWrites } from './attribute-writes.ts';
import type { AdminDeps } from './deps.ts';
import { type DataOwner, dataOwnerOf, idParam } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { keyList } from './telemetry.ts';
import { list, NO_CONTENT, object } from './wire.ts';

const tag = 'attributes';
const URL = '/api/plugins/telemetry';
const keys = optional(text('Comma-separated; absent: all keys.'));
const scope = oneOf('Scope.', ATTRIBUTE_SCOPES);
/** Client attributes are the device's own to write. */
const writable = oneOf('Scope; client attributes are written by the device only.', ['SHARED_SCOPE', 'SERVER_SCOPE']);
const ATTRIBUTES = list(object({ lastUpdateTs: { type: 'integer' }, key: { type: 'string' }, value: {} }));
const KEYS = list({ type: 'string' });

/** Attributes of any entity under ThingsBoard's paths, in both of its forms for writing. Suppliers see those of their devices. */
export const attributeRoutes = (deps: AdminDeps): readonly Route[] =>
  ENTITY_TYPES.flatMap((type) => routesOf(type, deps));

function routesOf(type: EntityType, deps: AdminDeps): readonly Route[] {
  const { storage } = deps;
  const { save, remove } = createAttributeWrites(deps);

  const read = async (owner: DataOwner, scopes: readonly AttributeScope[], asked: string | undefined) => {
    const maps = await Promise.all(scopes.map((one) => storage.attributes.read(owner.id, one, keyList(asked))));
    return maps.flatMap((map) => [...map].map(([key, { ts, value }]) => ({ lastUpdateTs: ts, key, value })));
  };
  const common = { tag, lenient: true } as const;
  const scoped = type === 'DEVICE' ? ({ supplier: 'device' } as const) : {};
  const ownerOf = (id: string): Promise<DataOwner> => dataOwnerOf(type, id, deps);

  const reads = [
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/${type}/:id/values/attributes`,
      summary: 'Attributes of all scopes.',
      role: 'read-only',
      ...scoped,
      params: idParam,
      query: { keys },
      answer: ATTRIBUTES,
      handle: async ({ params, query }) => read(await ownerOf(params.id), ATTRIBUTE_SCOPES, query.keys),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/${type}/:id/values/attributes/:scope`,
      summary: 'Attributes of one scope.',
      role: 'read-only',
      ...scoped,
      params: { ...idParam, scope },
      query: { keys },
      answer: ATTRIBUTES,
      handle: async ({ params, query }) => read(await ownerOf(params.id), [params.scope], query.keys),
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/${type}/:id/keys/attributes`,
      summary: 'Attribute keys of all scopes.',
      role: 'read-only',
      ...scoped,
      params: idParam,
      answer: KEYS,
      async handle({ params }) {
        const found = await read(await ownerOf(params.id), ATTRIBUTE_SCOPES, undefined);
        return [...new Set(found.map(({ key }) => key))];
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      url: `${URL}/${type}/:id/keys/attributes/:scope`,
      summary: 'Attribute keys of one scope.',
      role: 'read-only',
      ...scoped,
      params: { ...idParam, scope },
      answer: KEYS,
      async handle({ params }) {
        return (await read(await ownerOf(params.id), [params.scope], undefined)).map(({ key }) => key);
      },
    }),
  ];

  // ThingsBoard offers each write once more under `attributes/`, and for devices without the entity type.
  const paths = [`${type}/:id/:scope`, `${type}/:id/attributes/:scope`, ...(type === 'DEVICE' ? [':id/:scope'] : [])];
  const writes = paths
    .map((path) => `${URL}/${path}`)
    .flatMap((url) => [
      defineRoute({
        ...common,
        method: 'POST',
        url,
        summary: 'Sets attributes; the device hears of shared ones.',
        role: 'operator',
        params: { ...idParam, scope: writable },
        anyObject: true,
        answer: NO_CONTENT,
        handle: async ({ params, json, by }) => save(await ownerOf(params.id), params.scope, json, by),
      }),
      defineRoute({
        ...common,
        method: 'DELETE',
        url,
        summary: 'Removes attributes; the device hears of shared ones.',
        role: 'operator',
        params: { ...idParam, scope },
        query: { keys: text('Comma-separated.', { minLength: 1 }) },
        answer: NO_CONTENT,
        handle: async ({ params, query, by }) => remove(await ownerOf(params.id), params.scope, query.keys, by),
      }),
    ]);
  return [...reads, ...writes];
}
