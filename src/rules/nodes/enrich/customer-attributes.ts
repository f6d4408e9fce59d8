import { compileMappedFetch, lintMapping, MAPPED_FETCH_FIELDS, upgradeMapping } from '../../mapped-fetch.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';

export const customerAttributes = defineNode({
  kind: 'enrich/customer-attributes',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetCustomerAttributeNode',
    version: 1,
    upgrades: [upgradeMapping],
    read: nonNull,
  },
  version: 0,
  summary:
    'Copies server attributes or latest telemetry of the customer that has the originator into the message. Keys that it does not have are left out; no customer is a failure.',
  since: '0.3.0',
  fields: MAPPED_FETCH_FIELDS,
  relations: ['Success'],
  examples: [
    {
      title: 'The threshold of a customer',
      config: { dataMapping: { alarmThreshold: 'threshold' } },
      given: {
        devices: [{ name: 'meter-1', customer: 'ACME' }],
        attributes: { 'CUSTOMER ACME': { SERVER_SCOPE: { alarmThreshold: 253 } } },
      },
      msg: { data: {} },
      goesTo: 'Success',
      metadata: { threshold: '253' },
    },
    {
      title: 'A device without a customer',
      config: { dataMapping: { alarmThreshold: 'threshold' } },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  *lint({ dataMapping }) {
    yield* lintMapping(dataMapping);
  },
  create(config) {
    const fetch = compileMappedFetch(config);
    return {
      async onMsg(msg, context) {
        const customer = await context.customerOf(msg.originator);
        if (customer === undefined) throw new NodeFailure('the originator has no customer');
        return { relation: 'Success', msg: await fetch(msg, customer, context) };
      },
    };
  },
});
