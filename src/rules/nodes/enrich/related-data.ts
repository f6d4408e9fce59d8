import { oneOf, textMap } from '../../../schema/fields.ts';
import { FETCH_TO } from '../../fetch.ts';
import { compileMappedFetch, DATA_TO_FETCH, lintMapping, upgradeMapping } from '../../mapped-fetch.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { findRelated, relationsQuery } from '../../relation-query.ts';

export const relatedData = defineNode({
  kind: 'enrich/related-data',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetRelatedAttributeNode',
    version: 1,
    upgrades: [upgradeMapping],
    read: nonNull,
  },
  version: 0,
  summary:
    'Copies server attributes, latest telemetry or fields of the first related entity into the message. The first is the nearest one, then the first by type of relation, then by id: in every run the same. Keys that it does not have are left out; no related entity is a failure.',
  since: '0.3.0',
  fields: {
    relationsQuery: relationsQuery('Which entity: relations away from the originator (FROM) or to it (TO).'),
    dataToFetch: oneOf('Server attributes, latest telemetry, or fields such as name and type.', DATA_TO_FETCH, {
      default: 'ATTRIBUTES',
    }),
    dataMapping: textMap('Key to read -> key to put; both may hold ${key} of the metadata and $[key] of the body.', {
      examples: [{ tariff: 'tariffOfBuilding' }],
    }),
    fetchTo: oneOf('Where the values go; into the metadata as texts.', FETCH_TO, { default: 'METADATA' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A limit of the building that a meter is in',
      config: {
        relationsQuery: { direction: 'TO', filters: [{ relationType: 'Contains', entityTypes: ['ASSET'] }] },
        dataMapping: { maxPower: 'limit' },
        fetchTo: 'DATA',
      },
      given: {
        relations: [{ from: 'ASSET B1', type: 'Contains', to: 'meter-1' }],
        attributes: { 'ASSET B1': { SERVER_SCOPE: { maxPower: 15000 } } },
      },
      msg: { data: { power: 230 } },
      goesTo: 'Success',
      data: { power: 230, limit: 15000 },
    },
    {
      title: 'Nothing is related',
      config: { dataMapping: { maxPower: 'limit' } },
      msg: { data: { power: 230 } },
      goesTo: 'Failure',
    },
  ],
  *lint({ dataMapping }) {
    yield* lintMapping(dataMapping);
  },
  create({ relationsQuery: query, ...config }) {
    const fetch = compileMappedFetch(config);
    return {
      async onMsg(msg, context) {
        const [first] = await findRelated(context, msg.originator, query);
        if (first === undefined) throw new NodeFailure('there is no such related entity');
        return { relation: 'Success', msg: await fetch(msg, first, context) };
      },
    };
  },
});
