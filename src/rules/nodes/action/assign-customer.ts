import { flag, text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { compileText } from '../../template.ts';
import { withoutMember } from '../../upgrade-steps.ts';

export const assignCustomer = defineNode({
  kind: 'action/assign-customer',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbAssignToCustomerNode',
    version: 1,
    upgrades: [(old) => withoutMember(old, 'customerCacheExpiration')],
    read: nonNull,
  },
  version: 0,
  summary:
    'Gives the device or asset that is the originator to the customer of a title, whoever had it. Another originator, and a title that nobody has, are failures.',
  since: '0.3.0',
  fields: {
    customerNamePattern: text('Title of the customer; ${key} is metadata, $[key] the body.', { minLength: 1 }),
    createCustomerIfNotExists: flag('Create the customer when there is none of that title.', { default: false }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A customer that is made when it is new',
      config: { customerNamePattern: '$[customer]', createCustomerIfNotExists: true },
      msg: { data: { customer: 'ACME' } },
      goesTo: 'Success',
    },
    {
      title: 'Nobody of that title',
      config: { customerNamePattern: 'ACME' },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  create({ customerNamePattern, createCustomerIfNotExists }, { chain, node }) {
    const titleOf = compileText(customerNamePattern);
    const by = `chain:${chain}/${node}`;
    return {
      async onMsg(msg, context) {
        const { originator } = msg;
        if (originator.entityType !== 'DEVICE' && originator.entityType !== 'ASSET') {
          throw new NodeFailure(`the originator is of type ${originator.entityType}, neither a device nor an asset`);
        }
        const name = titleOf(msg);
        const found = await context.findEntity('CUSTOMER', name);
        if (found === undefined && !createCustomerIfNotExists)
          throw new NodeFailure('there is no customer of that title');
        const customer = found ?? (await context.ensureEntity({ entityType: 'CUSTOMER', name, profile: '', by }));
        await context.giveToCustomer(originator, customer, by);
        return { relation: 'Success', msg };
      },
    };
  },
});
