import { CONFLICT_POLICIES } from '../../../model/attachment.ts';
import { parseAssetId } from '../../../model/ids.ts';
import { type Msg, withMsg } from '../../../model/msg.ts';
import { oneOf } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';

/** What the nodes before must have put, so that the examples need no chain around them. */
const READY = {
  supplierId: '00000000-0000-7000-8000-000000000001',
  'supplyPoint.scheme': 'es-cups',
  'supplyPoint.stem': 'ES1234123456789012JY',
  gridCode: 'unknown:1234',
  gridName: 'Unknown distributor 1234',
};

export const attach = defineNode({
  kind: 'onboard/attach',
  version: 0,
  summary:
    'Attaches the device to supplier, supply point and grid in one atomic step. Uses what onboard/supply-point, onboard/find-supplier and onboard/find-grid put into the metadata. A repeat changes nothing.',
  since: '0.1.0',
  fields: {
    onConflict: oneOf(
      'When another device holds the supply point: refuse this one, move the point over, or let both hold it.',
      CONFLICT_POLICIES,
      { default: 'reject' },
    ),
  },
  relations: ['Attached', 'Already attached', 'Moved', 'Conflict'],
  examples: [
    {
      title: 'A free supply point',
      config: {},
      given: { suppliers: [{ name: 'Sol y Viento', keys: [] }] },
      msg: { data: {}, metadata: READY },
      goesTo: 'Attached',
    },
    {
      title: 'A supply point that another device holds',
      config: {},
      given: {
        suppliers: [{ name: 'Sol y Viento', keys: [] }],
        attachments: [{ device: 'meter-2', supplyPoint: 'ES1234123456789012JY', supplier: 'Sol y Viento' }],
      },
      msg: { data: {}, metadata: READY },
      goesTo: 'Conflict',
      metadata: { error: 'supply-point-taken' },
    },
    {
      title: 'The same, when the newest device wins',
      config: { onConflict: 'move' },
      given: {
        suppliers: [{ name: 'Sol y Viento', keys: [] }],
        attachments: [{ device: 'meter-2', supplyPoint: 'ES1234123456789012JY', supplier: 'Sol y Viento' }],
      },
      msg: { data: {}, metadata: READY },
      goesTo: 'Moved',
    },
  ],
  create({ onConflict }, { chain, node }) {
    const by = `chain:${chain}/${node}`;
    return {
      async onMsg(msg, context) {
        const result = await context.attach(msg, { ...requestOf(msg), onConflict, by });
        switch (result.kind) {
          case 'attached':
            return { relation: 'Attached', msg };
          case 'already-attached':
            return { relation: 'Already attached', msg };
          case 'moved':
            return { relation: 'Moved', msg };
          case 'conflict':
            return {
              relation: 'Conflict',
              msg: withMsg(msg, { metadata: { ...msg.metadata, error: 'supply-point-taken' } }),
            };
          case 'unknown-device':
            throw new NodeFailure('the device no longer exists');
          case 'unknown-supplier':
            throw new NodeFailure('the supplier no longer exists');
        }
      },
    };
  },
});

function requestOf(msg: Msg) {
  const need = (key: string, from: string): string => {
    const value = msg.metadata[key];
    if (value === undefined) throw new NodeFailure(`metadata has no ${key}: put ${from} before this node`);
    return value;
  };
  const supplierId = parseAssetId(need('supplierId', 'onboard/find-supplier'));
  if (supplierId === undefined) throw new NodeFailure('metadata supplierId is no id');
  const suffix = msg.metadata['supplyPoint.suffix'];
  return {
    supplierId,
    supplyPoint: {
      scheme: need('supplyPoint.scheme', 'onboard/supply-point'),
      stem: need('supplyPoint.stem', 'onboard/supply-point'),
      ...(suffix === undefined ? {} : { suffix }),
    },
    grid: { code: need('gridCode', 'onboard/find-grid'), name: need('gridName', 'onboard/find-grid') },
  };
}
