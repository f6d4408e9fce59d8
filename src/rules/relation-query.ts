import type { EntityId, EntityType, Relation } from '../model/entity.ts';
import { ENTITY_TYPES } from '../model/entity.ts';
import { type Field, json } from '../schema/fields.ts';
import { DIRECTIONS, type Direction, type EntityContext } from './entity-context.ts';
import { NodeFailure } from './node-kind.ts';

/** ThingsBoard's relations query. */
export interface RelationsQuery {
  readonly direction: Direction;
  /** 0 = as far as it goes. */
  readonly maxLevel: number;
  /** Only what stands on the last level; without a level, what has nothing behind it. */
  readonly fetchLastLevelOnly: boolean;
  /** One of them must fit; they are looked at after the walk, which follows every relation. */
  readonly filters: readonly {
    readonly relationType: string;
    /** Empty = any. */
    readonly entityTypes: readonly EntityType[];
    readonly negate: boolean;
  }[];
}

const MAX_LEVEL = 20;
/** Relations that one message may look at. */
const MAX_RELATIONS = 1_000;

export const direction = { enum: DIRECTIONS, default: 'FROM' } as const;
const filter = {
  type: 'object',
  additionalProperties: false,
  required: ['relationType'],
  properties: {
    relationType: { type: 'string', minLength: 1 },
    entityTypes: { type: 'array', items: { enum: ENTITY_TYPES }, default: [] },
    negate: { type: 'boolean', default: false },
  },
};
const DEFAULT_QUERY: RelationsQuery = {
  direction: 'FROM',
  maxLevel: 1,
  fetchLastLevelOnly: false,
  filters: [{ relationType: 'Contains', entityTypes: [], negate: false }],
};

/** Field of a node that looks for related entities. */
export const relationsQuery = (description: string): Field<RelationsQuery> =>
  json<RelationsQuery>(
    description,
    {
      type: 'object',
      additionalProperties: false,
      properties: {
        direction,
        maxLevel: { type: 'integer', minimum: 0, maximum: MAX_LEVEL, default: 1 },
        fetchLastLevelOnly: { type: 'boolean', default: false },
        filters: { type: 'array', items: filter, default: [] },
      },
    },
    { default: DEFAULT_QUERY },
  );

/**
 * The related entities, each once: the near ones first, then by type of relation, then by id. The order is the same in every
 * run, so "the first" is always the same one. @throws NodeFailure when there are too many relations to look at.
 */
export async function findRelated(
  context: EntityContext,
  from: EntityId,
  query: RelationsQuery,
): Promise<readonly EntityId[]> {
  const { filters, maxLevel, fetchLastLevelOnly } = query;
  const walked = await walk(context, from, query);
  const matches = ({ type }: Relation, end: EntityId): boolean =>
    filters.length === 0 ||
    filters.some(
      ({ relationType, entityTypes, negate }) =>
        (type === relationType) !== negate && (entityTypes.length === 0 || entityTypes.includes(end.entityType)),
    );
  const found = new Map<string, EntityId>();
  for (const { relation, end, level, leaf } of walked) {
    if (fetchLastLevelOnly && !(maxLevel === 0 ? leaf : level === maxLevel)) continue;
    if (matches(relation, end)) found.set(end.id, { entityType: end.entityType, id: end.id });
  }
  return [...found.values()];
}

interface Step {
  readonly relation: Relation;
  readonly end: EntityId;
  readonly level: number;
  leaf: boolean;
}

/** `type`: follows only relations of this type. */
export async function walk(
  context: EntityContext,
  from: EntityId,
  query: Pick<RelationsQuery, 'direction' | 'maxLevel'> & { readonly type?: string },
): Promise<readonly Step[]> {
  const seen = new Set([from.id]);
  const steps: Step[] = [];
  const deepest = query.maxLevel === 0 ? MAX_LEVEL : query.maxLevel;
  let frontier: { readonly entity: EntityId; readonly step?: Step }[] = [{ entity: from }];
  for (let level = 1; level <= deepest && frontier.length > 0; level++) {
    const next: typeof frontier = [];
    for (const { entity, step } of frontier) {
      const limit = MAX_RELATIONS + 1 - steps.length;
      const type = query.type === undefined ? {} : { type: query.type };
      const relations = await context.relations(entity, query.direction, { ...type, limit });
      if (relations.length >= limit) throw new NodeFailure(`more than ${MAX_RELATIONS} relations to look at`);
      if (step !== undefined && relations.length > 0) step.leaf = false;
      for (const relation of relations) {
        const end = query.direction === 'FROM' ? relation.to : relation.from;
        const reached: Step = { relation, end, level, leaf: true };
        steps.push(reached);
        if (seen.has(end.id)) continue;
        seen.add(end.id);
        next.push({ entity: end, step: reached });
      }
    }
    frontier = next;
  }
  return steps;
}
