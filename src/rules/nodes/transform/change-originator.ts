import type { JsonValue } from '../../../model/json.ts';
import type { Msg, Originator } from '../../../model/msg.ts';
import { oneOf, optional, text } from '../../../schema/fields.ts';
import type { EntityContext } from '../../entity-context.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { findRelated, relationsQuery } from '../../relation-query.ts';
import { compileText } from '../../template.ts';

const SOURCES = ['CUSTOMER', 'TENANT', 'RELATED', 'ALARM_ORIGINATOR', 'ENTITY'] as const;

export const changeOriginator = defineNode({
  kind: 'transform/change-originator',
  thingsboard: { type: 'org.thingsboard.rule.engine.transform.TbChangeOriginatorNode', version: 0, read: nonNull },
  version: 0,
  summary:
    'Makes another entity the originator of the message: the customer that has it, the tenant, the first related entity, the originator of the alarm in the body, or one of a name. What is saved then is saved with that entity. Nobody to be found is a failure.',
  since: '0.3.0',
  fields: {
    originatorSource: oneOf('Who is the originator afterwards.', SOURCES, { default: 'CUSTOMER' }),
    relationsQuery: relationsQuery(
      'With RELATED: which entity; the nearest one, then the first by type of relation and id.',
    ),
    entityType: optional(oneOf('With ENTITY: of which type.', ['DEVICE', 'ASSET'])),
    entityNamePattern: optional(text('With ENTITY: its name; ${key} is metadata, $[key] the body.')),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A reading becomes one of the building',
      config: { originatorSource: 'ENTITY', entityType: 'ASSET', entityNamePattern: '$[building]' },
      given: { assets: [{ name: 'B1' }] },
      msg: { data: { building: 'B1', power: 230 } },
      goesTo: 'Success',
    },
    {
      title: 'No such building',
      config: { originatorSource: 'ENTITY', entityType: 'ASSET', entityNamePattern: '$[building]' },
      msg: { data: { building: 'B2' } },
      goesTo: 'Failure',
    },
  ],
  *lint({ originatorSource, entityType, entityNamePattern }) {
    if (originatorSource !== 'ENTITY') return;
    if (entityType === undefined) yield { at: '/entityType', problem: 'is missing: which entity is it?' };
    if (!entityNamePattern) yield { at: '/entityNamePattern', problem: 'is missing: which entity is it?' };
  },
  create({ originatorSource, relationsQuery: query, entityType = 'DEVICE', entityNamePattern = '' }) {
    const nameOf = compileText(entityNamePattern);
    const find = async (msg: Msg, context: EntityContext): Promise<Originator | undefined> => {
      switch (originatorSource) {
        case 'CUSTOMER':
          return context.customerOf(msg.originator);
        case 'TENANT':
          return context.findEntity('TENANT', '');
        case 'RELATED': {
          const [first] = await findRelated(context, msg.originator, query);
          return first && context.entity(first);
        }
        case 'ALARM_ORIGINATOR':
          return context.entity(originatorOfAlarm(dataObject(msg).originator as JsonValue | undefined));
        case 'ENTITY':
          return context.findEntity(entityType, nameOf(msg));
      }
    };
    return {
      async onMsg(msg, context) {
        const originator = await find(msg, context);
        if (originator === undefined) throw new NodeFailure(`there is no originator by ${originatorSource}`);
        return { relation: 'Success', msg: { ...msg, originator } };
      },
    };
  },
});

function originatorOfAlarm(value: JsonValue | undefined): Pick<Originator, 'entityType' | 'id'> {
  const { entityType, id } = (value ?? {}) as { readonly entityType?: unknown; readonly id?: unknown };
  const known = (['DEVICE', 'ASSET', 'CUSTOMER', 'TENANT'] as const).find((type) => type === entityType);
  if (known === undefined || typeof id !== 'string')
    throw new NodeFailure('the body is no alarm: it has no originator');
  return { entityType: known, id };
}
