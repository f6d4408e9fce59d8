import { json } from '../../../schema/fields.ts';
import {
  ATTRIBUTE_FETCH_FIELDS,
  compileAttributeFetch,
  lintAttributeFetch,
  upgradeFetchTo,
} from '../../attribute-fetch.ts';
import type { Direction } from '../../entity-context.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { nonNull } from '../../relation-nodes.ts';
import { direction, walk } from '../../relation-query.ts';

interface DeviceRelationsQuery {
  readonly direction: Direction;
  readonly maxLevel: number;
  readonly relationType: string;
  readonly deviceTypes: readonly string[];
  readonly fetchLastLevelOnly: boolean;
}

export const relatedDeviceAttributes = defineNode({
  kind: 'enrich/related-device-attributes',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.metadata.TbGetDeviceAttrNode',
    version: 1,
    upgrades: [upgradeFetchTo],
    read: nonNull,
  },
  version: 0,
  summary:
    'The same as enrich/originator-attributes for the first related device of certain profiles: the nearest one, then the one with the least id.',
  since: '0.3.0',
  fields: {
    deviceRelationsQuery: json<DeviceRelationsQuery>(
      'Which device: along relations of one type, away from the originator or to it.',
      {
        type: 'object',
        additionalProperties: false,
        properties: {
          direction,
          maxLevel: { type: 'integer', minimum: 0, maximum: 20, default: 1 },
          relationType: { type: 'string', minLength: 1, default: 'Contains' },
          deviceTypes: { type: 'array', items: { type: 'string' }, default: ['default'] },
          fetchLastLevelOnly: { type: 'boolean', default: false },
        },
      },
      {
        default: {
          direction: 'FROM',
          maxLevel: 1,
          relationType: 'Contains',
          deviceTypes: ['default'],
          fetchLastLevelOnly: false,
        },
      },
    ),
    ...ATTRIBUTE_FETCH_FIELDS,
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The firmware of the gateway that made the device',
      config: {
        deviceRelationsQuery: { direction: 'TO', relationType: 'Created', deviceTypes: ['gateway'] },
        clientAttributeNames: ['firmware'],
      },
      given: {
        devices: [{ name: 'gw', profile: 'gateway' }],
        relations: [{ from: 'gw', type: 'Created', to: 'meter-1' }],
        attributes: { gw: { CLIENT_SCOPE: { firmware: '1.4.2' } } },
      },
      msg: { data: {} },
      goesTo: 'Success',
      metadata: { cs_firmware: '1.4.2' },
    },
    {
      title: 'No such device',
      config: { serverAttributeNames: ['tariff'] },
      msg: { data: {} },
      goesTo: 'Failure',
    },
  ],
  lint: lintAttributeFetch,
  create({ deviceRelationsQuery: query, ...config }) {
    const fetch = compileAttributeFetch(config);
    const profiles = new Set(query.deviceTypes);
    return {
      async onMsg(msg, context) {
        const steps = await walk(context, msg.originator, { ...query, type: query.relationType });
        for (const { end, level, leaf } of steps) {
          if (end.entityType !== 'DEVICE') continue;
          if (query.fetchLastLevelOnly && !(query.maxLevel === 0 ? leaf : level === query.maxLevel)) continue;
          const device = await context.entity(end);
          if (device === undefined || !profiles.has(device.profile)) continue;
          return { relation: 'Success', msg: await fetch(msg, device, context) };
        }
        throw new NodeFailure('there is no such related device');
      },
    };
  },
});
