import { TENANT } from '../../../model/entity.ts';
import { compileMappedFetch, lintMapping, MAPPED_FETCH_FIELDS, upgradeMapping } from '../../mapped-fetch.ts';
import { defineNode } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';

export const tenantAttributes = defineNode({
  kind: 'enrich/tenant-attributes',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetTenantAttributeNode',
    version: 1,
    upgrades: [upgradeMapping],
    read: nonNull,
  },
  version: 0,
  summary:
    'Copies server attributes or latest telemetry of the tenant into the message: what is the same for everybody. Keys that it does not have are left out.',
  since: '0.3.0',
  fields: MAPPED_FETCH_FIELDS,
  relations: ['Success'],
  examples: [
    {
      title: 'A table for all chains',
      config: { dataMapping: { alarmThreshold: 'threshold', none: 'nothing' } },
      given: { attributes: { TENANT: { SERVER_SCOPE: { alarmThreshold: 253 } } } },
      msg: { data: {} },
      goesTo: 'Success',
      metadata: { threshold: '253' },
    },
  ],
  *lint({ dataMapping }) {
    yield* lintMapping(dataMapping);
  },
  create(config) {
    const fetch = compileMappedFetch(config);
    return { onMsg: async (msg, context) => ({ relation: 'Success', msg: await fetch(msg, TENANT, context) }) };
  },
});
