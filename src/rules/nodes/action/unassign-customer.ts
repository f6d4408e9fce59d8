import { text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { withoutMember } from '../../upgrade-steps.ts';

export const unassignCustomer = defineNode({
  kind: 'action/unassign-customer',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbUnassignFromCustomerNode',
    version: 1,
    upgrades: [(old) => withoutMember(old, 'customerCacheExpiration')],
    read: nonNull,
  },
  version: 0,
  summary:
    'Takes the device or asset that is the originator from its customer; none is no matter. Another originator is a failure.',
  since: '0.3.0',
  fields: {
    customerNamePattern: text("ThingsBoard's, for dashboards only: it changes nothing here.", { default: '' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A meter that is given back',
      config: {},
      given: { devices: [{ name: 'meter-1', customer: 'ACME' }] },
      msg: { data: {} },
      goesTo: 'Success',
    },
    { title: 'A customer has no customer', config: {}, msg: { from: 'CUSTOMER ACME', data: {} }, goesTo: 'Failure' },
  ],
  create: (_, { chain, node }) => ({
    async onMsg(msg, context) {
      const { originator } = msg;
      if (originator.entityType !== 'DEVICE' && originator.entityType !== 'ASSET') {
        throw new NodeFailure(`the originator is of type ${originator.entityType}, neither a device nor an asset`);
      }
      await context.takeFromCustomer(originator, `chain:${chain}/${node}`);
      return { relation: 'Success', msg };
    },
  }),
});
