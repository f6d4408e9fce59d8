import {
  ATTRIBUTE_FETCH_FIELDS,
  compileAttributeFetch,
  lintAttributeFetch,
  upgradeFetchTo,
} from '../../attribute-fetch.ts';
import { defineNode } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';

export const originatorAttributes = defineNode({
  kind: 'enrich/originator-attributes',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetAttributesNode',
    version: 1,
    upgrades: [upgradeFetchTo],
    read: nonNull,
  },
  version: 0,
  summary:
    'Puts attributes and latest telemetry of the originator into the message: client attributes as cs_<key>, shared ones as shared_<key>, server ones as ss_<key>, telemetry as <key>. With a key missing the message fails, with what was found in it.',
  since: '0.3.0',
  fields: ATTRIBUTE_FETCH_FIELDS,
  relations: ['Success'],
  examples: [
    {
      title: 'The tariff and the model of a meter',
      config: { serverAttributeNames: ['tariff'], clientAttributeNames: ['model'] },
      given: { attributes: { 'meter-1': { SERVER_SCOPE: { tariff: '2.0TD' }, CLIENT_SCOPE: { model: 'GW-1' } } } },
      msg: { data: {} },
      goesTo: 'Success',
      metadata: { ss_tariff: '2.0TD', cs_model: 'GW-1' },
    },
    {
      title: 'A missing key is a failure, with what was found',
      config: { serverAttributeNames: ['tariff', 'contract'] },
      given: { attributes: { 'meter-1': { SERVER_SCOPE: { tariff: '2.0TD' } } } },
      msg: { data: {} },
      goesTo: 'Failure',
      metadata: { ss_tariff: '2.0TD', error: 'has no value for ss_contract' },
    },
  ],
  lint: lintAttributeFetch,
  create(config) {
    const fetch = compileAttributeFetch(config);
    return { onMsg: async (msg, context) => ({ relation: 'Success', msg: await fetch(msg, msg.originator, context) }) };
  },
});
