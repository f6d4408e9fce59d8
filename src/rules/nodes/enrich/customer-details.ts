import { oneOf, texts } from '../../../schema/fields.ts';
import { FETCH_TO, withFetched } from '../../fetch.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';

const KNOWN: ReadonlySet<string> = new Set(['ID', 'TITLE']);

export const customerDetails = defineNode({
  kind: 'enrich/customer-details',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetCustomerDetailsNode',
    version: 1,
    upgrades: [upgrade],
    read: nonNull,
  },
  version: 0,
  summary:
    'Puts details of the customer that has the originator into the message, as customer_id and customer_title; customers have no others here. No customer is a failure.',
  since: '0.3.0',
  fields: {
    detailsList: texts("ThingsBoard's words: ID, TITLE.", { default: [] }),
    fetchTo: oneOf('Where the values go.', FETCH_TO, { default: 'DATA' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The title of a customer',
      config: { detailsList: ['TITLE'] },
      given: { devices: [{ name: 'meter-1', customer: 'ACME' }] },
      msg: { data: { power: 230 } },
      goesTo: 'Success',
      data: { power: 230, customer_title: 'ACME' },
    },
    {
      title: 'A device without a customer',
      config: { detailsList: ['TITLE'] },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  *lint({ detailsList }) {
    if (detailsList.length === 0) yield { at: '/detailsList', problem: 'no detail is asked for', level: 'warning' };
    for (const [index, detail] of detailsList.entries()) {
      if (KNOWN.has(detail)) continue;
      yield { at: `/detailsList/${index}`, problem: `customers have no ${detail} here`, level: 'warning' };
    }
  },
  create({ detailsList, fetchTo }) {
    const wanted = new Set(detailsList);
    return {
      async onMsg(msg, context) {
        const customer = await context.customerOf(msg.originator);
        if (customer === undefined) throw new NodeFailure('the originator has no customer');
        const details: [string, string][] = [];
        if (wanted.has('ID')) details.push(['customer_id', customer.id]);
        if (wanted.has('TITLE')) details.push(['customer_title', customer.name]);
        return { relation: 'Success', msg: withFetched(msg, fetchTo, details) };
      },
    };
  },
});

/** Version 0 had `addToMetadata`. */
function upgrade({ addToMetadata, ...old }: RawConfig): RawConfig {
  return { ...old, fetchTo: addToMetadata === true || addToMetadata === 'true' ? 'METADATA' : 'DATA' };
}
