import { BrokerError } from '../errors.ts';
import { ATTACHMENT_ASSETS, ATTACHMENT_RELATIONS } from '../model/attachment.ts';
import { ENTITY_TYPES, type EntityId, type EntityType, type Relation } from '../model/entity.ts';
import { newAssetId } from '../model/ids.ts';
import { nameProblem } from '../registry/registry.ts';
import { json, oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { assetIdOf, idParam, uuidOf } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ASSET, NO_CONTENT, RELATION, toAsset, toRelation } from './wire.ts';

const end = (what: string) =>
  json<EntityId>(what, {
    type: 'object',
    required: ['entityType', 'id'],
    properties: { entityType: { enum: ENTITY_TYPES }, id: { type: 'string' } },
  });
const relationBody = {
  from: end('From.'),
  to: end('To.'),
  type: text('Type of the relation.', { minLength: 1 }),
  typeGroup: oneOf('Group.', ['COMMON'], { default: 'COMMON' }),
};
const ends = {
  fromId: text('UUID.'),
  fromType: oneOf('Type of the entity.', ENTITY_TYPES),
  relationType: text('Type of the relation.', { minLength: 1 }),
  toId: text('UUID.'),
  toType: oneOf('Type of the entity.', ENTITY_TYPES),
};

/** Assets and relations of the operator's own, written under ThingsBoard's paths. */
export function entityWriteRoutes({ storage, trees, clock }: AdminDeps): readonly Route[] {
  const { assets } = storage;
  const audit = (action: string, subject: string, by: string, facts: Readonly<Record<string, string>>) =>
    storage.audit.append({ at: clock.now(), action, by, subject, outcome: 'done', facts });
  const factsOf = ({ type, from, to }: Relation) => ({ type, from: from.id, to: to.id });
  const add = async (given: Relation, by: string) => {
    const relation = checked(given);
    const stored = await assets.addRelation(relation);
    if (!stored) {
      const present = await assets.relationsFrom(relation.from, relation.type);
      const same = present.some(({ to }) => to.id === relation.to.id && to.entityType === relation.to.entityType);
      if (!same) throw new BrokerError('NOT_FOUND', { detail: 'one of the ends of the relation does not exist' });
    } else await audit('relation.create', `relation:${relation.from.id}`, by, factsOf(relation));
    return toRelation(relation);
  };
  const remove = async (relation: Relation, by: string): Promise<boolean> => {
    const removed = await assets.removeRelation(relation);
    if (removed) await audit('relation.delete', `relation:${relation.from.id}`, by, factsOf(relation));
    return removed;
  };
  const common = { role: 'operator', lenient: true } as const;
  const relations = ['/api/relation', '/api/v2/relation'].flatMap((url) => [
    defineRoute({
      ...common,
      method: 'POST',
      url,
      tag: 'relations',
      summary: 'Adds a relation; one that is there already stays as it is.',
      body: relationBody,
      answer: RELATION,
      handle: async ({ body: { from, to, type }, by }) => add({ from, to, type }, by),
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      url,
      tag: 'relations',
      summary: 'Removes a relation.',
      query: ends,
      answer: RELATION,
      async handle({ query: { fromId, fromType, relationType: type, toId, toType }, by }) {
        const relation = checked({
          from: { entityType: fromType, id: fromId },
          to: { entityType: toType, id: toId },
          type,
        });
        if (!(await remove(relation, by))) throw new BrokerError('NOT_FOUND', { detail: 'there is no such relation' });
        return toRelation(relation);
      },
    }),
  ]);
  return [
    ...relations,
    defineRoute({
      ...common,
      method: 'DELETE',
      url: '/api/relations',
      tag: 'relations',
      summary: 'Removes all relations from and to an entity but those of attachments.',
      query: { entityId: text('UUID.'), entityType: oneOf('Type of the entity.', ENTITY_TYPES) },
      answer: NO_CONTENT,
      async handle({ query, by }) {
        const entity = entityOf(query.entityType, query.entityId, 'entityId');
        const all = [...(await assets.relationsFrom(entity)), ...(await assets.relationsTo(entity))];
        for (const relation of all) if (!ATTACHMENT_RELATIONS.has(relation.type)) await remove(relation, by);
      },
    }),
    defineRoute({
      ...common,
      method: 'POST',
      url: '/api/asset',
      tag: 'assets',
      summary:
        'Creates an asset. Suppliers are created under /api/gridmoor/suppliers, grids and supply points by attaching.',
      body: {
        name: text('Unique among assets of one type.'),
        type: text('Type, such as Building.', { minLength: 1 }),
        id: optional(json<unknown>('Must be absent: changing an asset is not offered.', {})),
      },
      answer: ASSET,
      async handle({ body, by }) {
        if (body.id !== undefined && body.id !== null) {
          throw new BrokerError('BAD_REQUEST', { field: 'id', detail: 'changing an asset is not offered' });
        }
        const [name, type] = [body.name.trim(), body.type.trim()];
        for (const [field, value] of [
          ['name', name],
          ['type', type],
        ] as const) {
          const problem = nameProblem(value);
          if (problem) throw new BrokerError('BAD_REQUEST', { field, detail: problem });
        }
        refuseOwn(type, 'type');
        const now = clock.now();
        const made = await assets.ensureAsset({ id: newAssetId(now), type, name, createdAt: now });
        if (!made.created) throw new BrokerError('NAME_TAKEN', { field: 'name' });
        await audit('asset.create', `asset:${made.asset.id}`, by, { type, name });
        return toAsset(made.asset);
      },
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      url: '/api/asset/:id',
      tag: 'assets',
      summary: 'Deletes an asset with its relations.',
      params: idParam,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        const asset = await assets.asset(assetIdOf(params.id));
        if (!asset) throw new BrokerError('NOT_FOUND', { field: 'id' });
        refuseOwn(asset.type, 'id');
        await assets.removeAsset(asset.id);
        await trees.forget(`ASSET:${asset.id}`);
        await audit('asset.delete', `asset:${asset.id}`, by, { type: asset.type, name: asset.name });
      },
    }),
  ];
}

function refuseOwn(type: string, field: string): void {
  if (!ATTACHMENT_ASSETS.has(type)) return;
  const detail = `assets of the type ${type} are managed by suppliers and attachments`;
  throw new BrokerError('BAD_REQUEST', { field, detail });
}

const entityOf = (entityType: EntityType, id: string, field: string): EntityId => ({
  entityType,
  id: uuidOf(id, field),
});

function checked({ from, to, type }: Relation): Relation {
  if (ATTACHMENT_RELATIONS.has(type)) {
    const detail = `relations of the type ${type} belong to attachments: attach, move or end these`;
    throw new BrokerError('BAD_REQUEST', { field: 'type', detail });
  }
  const problem = nameProblem(type);
  if (problem) throw new BrokerError('BAD_REQUEST', { field: 'type', detail: problem });
  return { from: entityOf(from.entityType, from.id, 'from/id'), to: entityOf(to.entityType, to.id, 'to/id'), type };
}
