import { BrokerError } from '../errors.ts';
import { ENTITY_TYPES, type EntityId, type EntityType } from '../model/entity.ts';
import { oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { assetIdOf, idParam, pageFields, uuidOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ASSET, countedPageOf, list, RELATION, toAsset, toCountedPage, toRelation } from './wire.ts';

/** Assets and relations under ThingsBoard's paths. */
export function entityRoutes({ storage: { assets } }: AdminDeps): readonly Route[] {
  const named = async (name: string) => {
    const [asset] = await assets.assetsByName(name);
    if (!asset) throw new BrokerError('NOT_FOUND', { field: 'assetName' });
    return toAsset(asset);
  };
  return [
    defineRoute({
      method: 'GET',
      url: '/api/relations',
      tag: 'relations',
      summary: 'Relations from an entity (fromId, fromType) or to one (toId, toType).',
      role: 'read-only',
      lenient: true,
      query: {
        fromId: optional(text('UUID.')),
        fromType: optional(oneOf('Type of the entity.', ENTITY_TYPES)),
        toId: optional(text('UUID.')),
        toType: optional(oneOf('Type of the entity.', ENTITY_TYPES)),
        relationType: optional(text('Only relations of this type.')),
      },
      answer: list(RELATION),
      async handle({ query }) {
        const from = entityOf('from', query.fromId, query.fromType);
        const to = entityOf('to', query.toId, query.toType);
        if (!from && !to) {
          throw new BrokerError('BAD_REQUEST', { detail: 'give fromId and fromType, or toId and toType' });
        }
        const found = from
          ? await assets.relationsFrom(from, query.relationType)
          : to
            ? await assets.relationsTo(to, query.relationType)
            : [];
        const both = from && to ? found.filter((one) => one.to.id === to.id) : found;
        return both.map(toRelation);
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/relation',
      tag: 'relations',
      summary: 'One relation.',
      role: 'read-only',
      lenient: true,
      query: {
        fromId: text('UUID.'),
        fromType: oneOf('Type of the entity.', ENTITY_TYPES),
        relationType: text('Type of the relation.'),
        toId: text('UUID.'),
        toType: oneOf('Type of the entity.', ENTITY_TYPES),
      },
      answer: RELATION,
      async handle({ query: { fromId, fromType, relationType, toId, toType } }) {
        const to = uuidOf(toId, 'toId');
        const all = await assets.relationsFrom({ entityType: fromType, id: uuidOf(fromId, 'fromId') }, relationType);
        const found = all.find((one) => one.to.id === to && one.to.entityType === toType);
        if (!found) throw new BrokerError('NOT_FOUND', { detail: 'there is no such relation' });
        return toRelation(found);
      },
    }),
    ...(['from', 'to'] as const).flatMap((side) =>
      [`/api/relations/${side}/:type/:id`, `/api/relations/${side}/:type/:id/:relationType`].map((url) =>
        defineRoute({
          method: 'GET',
          url,
          tag: 'relations',
          summary: `Relations ${side} an entity.`,
          role: 'read-only',
          lenient: true,
          params: {
            type: oneOf('Type of the entity.', ENTITY_TYPES),
            ...idParam,
            relationType: optional(text('Only relations of this type.')),
          },
          answer: list(RELATION),
          async handle({ params: { type, id, relationType } }) {
            const entity = { entityType: type, id: uuidOf(id) };
            const read = side === 'from' ? assets.relationsFrom : assets.relationsTo;
            return (await read(entity, relationType)).map(toRelation);
          },
        }),
      ),
    ),
    defineRoute({
      method: 'GET',
      url: '/api/asset/:id',
      tag: 'assets',
      summary: 'One asset. A supply point is named by its keyed hash.',
      role: 'read-only',
      lenient: true,
      params: idParam,
      answer: ASSET,
      async handle({ params }) {
        const asset = await assets.asset(assetIdOf(params.id));
        if (!asset) throw new BrokerError('NOT_FOUND', { field: 'id' });
        return toAsset(asset);
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/tenant/asset',
      tag: 'assets',
      summary: 'The asset of a name; of several, the first by type.',
      role: 'read-only',
      lenient: true,
      query: { assetName: text('Exact name.', { minLength: 1 }) },
      answer: ASSET,
      handle: ({ query }) => named(query.assetName),
    }),
    defineRoute({
      method: 'GET',
      url: '/api/tenant/assets',
      tag: 'assets',
      summary: 'A page of assets by name, of one type or of all; with assetName the one of that name.',
      role: 'read-only',
      lenient: true,
      query: {
        type: optional(text('Such as PowerSupplier, Grid, SupplyPoint.')),
        assetName: optional(text('Exact name.', { minLength: 1 })),
        ...pageFields,
      },
      answer: { anyOf: [ASSET, countedPageOf(ASSET)] },
      async handle({ query: { type, assetName, page, pageSize } }) {
        if (assetName !== undefined) return named(assetName);
        const found = await assets.assets({ page, pageSize, ...(type ? { type } : {}) });
        return toCountedPage(found, pageSize, toAsset);
      },
    }),
  ];
}

function entityOf(side: 'from' | 'to', id: string | undefined, type: EntityType | undefined): EntityId | undefined {
  if (id === undefined && type === undefined) return undefined;
  if (id === undefined || type === undefined) {
    const field = id === undefined ? `${side}Id` : `${side}Type`;
    throw new BrokerError('BAD_REQUEST', { field, detail: `${side}Id and ${side}Type go together` });
  }
  return { entityType: type, id: uuidOf(id, `${side}Id`) };
}
