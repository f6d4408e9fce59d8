import { ENTITY_TYPES } from '../../../model/entity.ts';
import { flag, oneOf, optional, text } from '../../../schema/fields.ts';
import { DIRECTIONS } from '../../entity-context.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { lintRelationType, nonNull, relationOf } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';
import { flipDirection } from '../../upgrade-steps.ts';

export const deleteRelation = defineNode({
  kind: 'action/delete-relation',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbDeleteRelationNode',
    version: 1,
    upgrades: [flipIfOld],
    read: nonNull,
  },
  version: 0,
  summary:
    'Removes all relations of the originator of one type and direction, or the one to an entity of a name. A relation that is not there is no matter; an entity that is not there is a failure.',
  since: '0.3.0',
  fields: {
    deleteForSingleEntity: flag('Only the relation to one entity.', { default: false }),
    direction: oneOf('FROM: originator -> entity; TO: entity -> originator.', DIRECTIONS, { default: 'FROM' }),
    relationType: text('Type of the relation; ${key} is metadata, $[key] the body.', {
      default: 'Contains',
      minLength: 1,
    }),
    entityType: optional(oneOf('Type of that entity.', ENTITY_TYPES)),
    entityNamePattern: text('Its name, or title of the customer.', { default: '' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A meter leaves its buildings',
      config: { direction: 'TO' },
      given: { relations: [{ from: 'ASSET B1', type: 'Contains', to: 'meter-1' }] },
      msg: { data: {} },
      goesTo: 'Success',
    },
    {
      title: 'A building that is not there',
      config: { direction: 'TO', deleteForSingleEntity: true, entityType: 'ASSET', entityNamePattern: 'B2' },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  *lint({ relationType, deleteForSingleEntity, entityType, entityNamePattern }) {
    yield* lintRelationType(relationType);
    if (!deleteForSingleEntity) return;
    if (entityType === undefined) yield { at: '/entityType', problem: 'is missing: which entity is it?' };
    if (entityType !== 'TENANT' && entityNamePattern === '') {
      yield { at: '/entityNamePattern', problem: 'is empty: which entity is it?' };
    }
  },
  create({ deleteForSingleEntity, direction, relationType, entityType = 'ASSET', entityNamePattern }) {
    const nameOf = compileText(entityNamePattern);
    const relationTypeOf = compileText(relationType);
    return {
      async onMsg(msg, context) {
        const type = relationTypeOf(msg);
        if (!deleteForSingleEntity) {
          await context.removeRelations(msg.originator, direction, type);
          return { relation: 'Success', msg };
        }
        const entity = await context.findEntity(entityType, nameOf(msg));
        if (entity === undefined) throw new NodeFailure(`there is no ${entityType} of that name`);
        await context.removeRelation(relationOf(msg.originator, direction, type, entity));
        return { relation: 'Success', msg };
      },
    };
  },
});

/** Version 0 looked from the other entity; only configurations with the cache's age are really of that version. */
function flipIfOld({ entityCacheExpiration, ...old }: RawConfig): RawConfig {
  return entityCacheExpiration === undefined ? old : flipDirection(old);
}
