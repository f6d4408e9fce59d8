import { ENTITY_TYPES } from '../../../model/entity.ts';
import { flag, oneOf, text } from '../../../schema/fields.ts';
import { CREATABLE_TYPES, DIRECTIONS } from '../../entity-context.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { lintRelationType, nonNull, relationOf } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';
import { flipDirection } from '../../upgrade-steps.ts';

export const createRelation = defineNode({
  kind: 'action/create-relation',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbCreateRelationNode',
    version: 1,
    upgrades: [flipIfOld],
    read: nonNull,
  },
  version: 0,
  summary:
    'Relates the originator to an entity of a name; a relation that is there stays as it is. FROM leads away from the originator, TO to it: an asset that contains the device is TO. With removeCurrentRelations the others of that type and direction go in the same step, whatever they lead to.',
  since: '0.3.0',
  fields: {
    direction: oneOf('FROM: originator -> entity; TO: entity -> originator.', DIRECTIONS, { default: 'FROM' }),
    relationType: text('Type of the relation; ${key} is metadata, $[key] the body.', {
      default: 'Contains',
      minLength: 1,
    }),
    entityType: oneOf('Type of the entity.', ENTITY_TYPES),
    entityNamePattern: text('Its name, or title of the customer; nothing for the tenant.', { default: '' }),
    entityTypePattern: text('Of an entity that is created: profile of a device, type of an asset.', { default: '' }),
    createEntityIfNotExists: flag('Create the device, asset or customer when there is none of that name.', {
      default: false,
    }),
    removeCurrentRelations: flag('Remove the other relations of that type and direction.', { default: false }),
    changeOriginatorToRelatedEntity: flag('Go on with the entity as the originator.', { default: false }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A meter goes into its building, which is made when it is new',
      config: {
        direction: 'TO',
        entityType: 'ASSET',
        entityNamePattern: '$[building]',
        entityTypePattern: 'Building',
        createEntityIfNotExists: true,
      },
      msg: { data: { building: 'B1' } },
      goesTo: 'Success',
    },
    {
      title: 'No such building',
      config: { direction: 'TO', entityType: 'ASSET', entityNamePattern: '$[building]' },
      msg: { data: { building: 'B1' } },
      goesTo: 'Failure',
    },
  ],
  *lint({ relationType, entityType, entityNamePattern, createEntityIfNotExists }) {
    yield* lintRelationType(relationType);
    if (entityType !== 'TENANT' && entityNamePattern === '') {
      yield { at: '/entityNamePattern', problem: 'is empty: which entity is it?' };
    }
    if (createEntityIfNotExists && entityType === 'TENANT') {
      yield { at: '/createEntityIfNotExists', problem: 'a tenant cannot be created' };
    }
  },
  create(config, { chain, node }) {
    const { direction, entityType } = config;
    const nameOf = compileText(config.entityNamePattern);
    const typeOf = compileText(config.entityTypePattern);
    const relationTypeOf = compileText(config.relationType);
    const creatable = CREATABLE_TYPES.find((type) => type === entityType);
    const by = `chain:${chain}/${node}`;
    return {
      async onMsg(msg, context) {
        const name = nameOf(msg);
        const found = await context.findEntity(entityType, name);
        if (found === undefined && !(config.createEntityIfNotExists && creatable)) {
          throw new NodeFailure(`there is no ${entityType} of that name`);
        }
        const profile = typeOf(msg) || 'default';
        const entity = found ?? (await context.ensureEntity({ entityType: creatable ?? 'ASSET', name, profile, by }));
        const relation = relationOf(msg.originator, direction, relationTypeOf(msg), entity);
        const sole = config.removeCurrentRelations ? (direction === 'FROM' ? 'from' : 'to') : undefined;
        if ((await context.setRelation(relation, sole)) === 'unknown') throw new NodeFailure('the originator is gone');
        return {
          relation: 'Success',
          msg: config.changeOriginatorToRelatedEntity ? { ...msg, originator: entity } : msg,
        };
      },
    };
  },
});

/** Version 0 looked from the other entity; only configurations with the cache's age are really of that version. */
function flipIfOld({ entityCacheExpiration, ...old }: RawConfig): RawConfig {
  return entityCacheExpiration === undefined ? old : flipDirection(old);
}
