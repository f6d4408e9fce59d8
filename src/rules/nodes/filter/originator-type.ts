import { ENTITY_TYPES } from '../../../model/entity.ts';
import { texts } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';

const KNOWN: ReadonlySet<string> = new Set(ENTITY_TYPES);

export const originatorType = defineNode({
  kind: 'filter/originator-type',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbOriginatorTypeFilterNode', version: 0 },
  version: 0,
  summary: 'Sends a message to True when its originator is of one of these types.',
  since: '0.3.0',
  fields: {
    originatorTypes: texts('Types of entities: DEVICE, ASSET, CUSTOMER, TENANT.', { default: ['DEVICE'], minItems: 1 }),
  },
  relations: ['True', 'False'],
  examples: [
    { title: 'A device', config: { originatorTypes: ['DEVICE', 'ASSET'] }, msg: { data: {} }, goesTo: 'True' },
    { title: 'No asset', config: { originatorTypes: ['ASSET'] }, msg: { data: {} }, goesTo: 'False' },
  ],
  *lint({ originatorTypes }) {
    for (const [index, type] of originatorTypes.entries()) {
      if (KNOWN.has(type)) continue;
      const problem = `no message has an originator of the type ${type}`;
      yield { at: `/originatorTypes/${index}`, problem, hint: `one of: ${ENTITY_TYPES.join(', ')}`, level: 'warning' };
    }
  },
  create({ originatorTypes }) {
    const types = new Set(originatorTypes);
    return { onMsg: (msg) => ({ relation: types.has(msg.originator.entityType) ? 'True' : 'False', msg }) };
  },
});
