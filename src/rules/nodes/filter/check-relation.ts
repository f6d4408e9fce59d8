import { ENTITY_TYPES } from '../../../model/entity.ts';
import { flag, oneOf, optional, text } from '../../../schema/fields.ts';
import { DIRECTIONS } from '../../entity-context.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { MAX_PEERS, nonNull } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';
import { flipDirection } from '../../upgrade-steps.ts';

export const checkRelation = defineNode({
  kind: 'filter/check-relation',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.filter.TbCheckRelationNode',
    version: 1,
    upgrades: [flipDirection],
    read: nonNull,
    write(config) {
      if (config.entityName === undefined || config.checkForSingleEntity === false) return config;
      throw new NodeFailure('ThingsBoard finds the entity by its id alone, not by entityName');
    },
  },
  version: 0,
  summary:
    'Sends a message to True when its originator has a relation of this type: to one entity, or to anything. FROM asks for relations that lead away from the originator, TO for those that lead to it.',
  since: '0.3.0',
  fields: {
    direction: oneOf('FROM: originator -> entity; TO: entity -> originator.', DIRECTIONS, { default: 'FROM' }),
    relationType: text('Type of the relation.', { default: 'Contains', minLength: 1 }),
    checkForSingleEntity: flag('Whether it must be one certain entity; otherwise any will do.', { default: true }),
    entityType: optional(oneOf('Type of that entity; without checkForSingleEntity of any of them.', ENTITY_TYPES)),
    entityName: optional(text('Name of that entity, or title of the customer; ${key} is metadata, $[key] the body.')),
    entityId: optional(text("Its id, as ThingsBoard's exports have it: it means nothing in another installation.")),
  },
  relations: ['True', 'False'],
  examples: [
    {
      title: 'A meter in its building',
      config: { direction: 'TO', entityType: 'ASSET', entityName: '$[building]' },
      given: { relations: [{ from: 'ASSET B1', type: 'Contains', to: 'meter-1' }] },
      msg: { data: { building: 'B1' } },
      goesTo: 'True',
    },
    {
      title: 'The other way round there is none',
      config: { direction: 'FROM', checkForSingleEntity: false },
      given: { relations: [{ from: 'ASSET B1', type: 'Contains', to: 'meter-1' }] },
      msg: { data: {} },
      goesTo: 'False',
    },
  ],
  *lint({ checkForSingleEntity, entityType, entityName, entityId }) {
    if (entityId !== undefined) {
      const problem = 'an id means nothing in another installation';
      yield { at: '/entityId', problem, hint: 'give entityName instead', level: 'warning' };
    }
    if (!checkForSingleEntity) return;
    if (entityType === undefined) yield { at: '/entityType', problem: 'is missing: which entity is it?' };
    if (entityType !== 'TENANT' && entityName === undefined && entityId === undefined) {
      yield { at: '/entityName', problem: 'is missing: which entity is it?' };
    }
  },
  create({ direction, relationType, checkForSingleEntity, entityType, entityName, entityId }) {
    const nameOf = compileText(entityName ?? '');
    return {
      async onMsg(msg, context) {
        const wanted =
          !checkForSingleEntity || entityType === undefined
            ? undefined
            : entityId === undefined
              ? await context.findEntity(entityType, nameOf(msg))
              : { entityType, id: entityId };
        if (checkForSingleEntity && wanted === undefined) return { relation: 'False', msg };
        const limit = wanted === undefined && entityType === undefined ? 1 : MAX_PEERS;
        const relations = await context.relations(msg.originator, direction, { type: relationType, limit });
        const fits = relations.some(({ from, to }) => {
          const end = direction === 'FROM' ? to : from;
          if (wanted !== undefined) return end.id === wanted.id && end.entityType === wanted.entityType;
          return entityType === undefined || end.entityType === entityType;
        });
        return { relation: fits ? 'True' : 'False', msg };
      },
    };
  },
});
