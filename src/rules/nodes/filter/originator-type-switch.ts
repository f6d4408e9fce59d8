import type { EntityType } from '../../../model/entity.ts';
import { defineNode } from '../../node-kind.ts';

const LABELS = {
  DEVICE: 'Device',
  ASSET: 'Asset',
  CUSTOMER: 'Customer',
  TENANT: 'Tenant',
} as const satisfies Record<EntityType, string>;

export const originatorTypeSwitch = defineNode({
  kind: 'filter/originator-type-switch',
  thingsboard: { type: 'org.thingsboard.rule.engine.filter.TbOriginatorTypeSwitchNode', version: 0 },
  version: 0,
  summary:
    "Routes a message by the type of its originator: Device, Asset, Customer, Tenant. Edges for ThingsBoard's other types may stand; nothing goes along them.",
  since: '0.3.0',
  fields: {},
  relations: ['*'],
  examples: [
    { title: 'A device', config: {}, msg: { data: {} }, goesTo: 'Device' },
    { title: 'A customer', config: {}, msg: { from: 'CUSTOMER ACME', data: {} }, goesTo: 'Customer' },
  ],
  create: () => ({ onMsg: (msg) => ({ relation: LABELS[msg.originator.entityType], msg }) }),
});
