import { flag, oneOf, textMap } from '../../../schema/fields.ts';
import { FETCH_TO, metadataText, withFetched } from '../../fetch.ts';
import { lintMapping } from '../../mapped-fetch.ts';
import { defineNode, NodeFailure, type RawConfig } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';

export const originatorFields = defineNode({
  kind: 'enrich/originator-fields',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetOriginatorFieldsNode',
    version: 1,
    upgrades: [upgrade],
    read: nonNull,
  },
  version: 0,
  summary:
    'Puts fields of the originator into the message as texts: id, name, type, label and createdTime of devices and assets; id, name and title of customers and the tenant. Fields that it does not have are left out.',
  since: '0.3.0',
  fields: {
    dataMapping: textMap('Field -> key to put.', { default: { name: 'originatorName', type: 'originatorType' } }),
    ignoreNullStrings: flag('Leave out fields without a value, which are put as "null" otherwise.', { default: false }),
    fetchTo: oneOf('Where the values go.', FETCH_TO, { default: 'METADATA' }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'Name and profile of a device',
      config: {},
      given: { devices: [{ name: 'meter-1', profile: 'smart-meter' }] },
      msg: { data: {} },
      goesTo: 'Success',
      metadata: { originatorName: 'meter-1', originatorType: 'smart-meter' },
    },
  ],
  *lint({ dataMapping }) {
    yield* lintMapping(dataMapping);
  },
  create({ dataMapping, ignoreNullStrings, fetchTo }) {
    const mapping = Object.entries(dataMapping);
    return {
      async onMsg(msg, context) {
        const fields = await context.readFields(msg.originator);
        if (fields === undefined) throw new NodeFailure('the originator is gone');
        const found = mapping.flatMap(([field, key]): [string, string][] => {
          const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
          if (value === undefined || (value === null && ignoreNullStrings)) return [];
          return [[key, metadataText(value)]];
        });
        return { relation: 'Success', msg: withFetched(msg, fetchTo, found) };
      },
    };
  },
});

function upgrade({ fieldsMapping, ...old }: RawConfig): RawConfig {
  if (fieldsMapping === undefined) throw new NodeFailure('"fieldsMapping" is missing');
  return { ...old, dataMapping: fieldsMapping, fetchTo: 'METADATA' };
}
