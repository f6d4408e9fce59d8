import { withMsg } from '../../../model/msg.ts';
import {
  normaliseSupplyPoint,
  type SupplyPointSchemeId,
  supplyPointSchemeIds,
} from '../../../model/supply-point/index.ts';
import { json, text } from '../../../schema/fields.ts';
import { dataObject, defineNode } from '../../node-kind.ts';

type Schemes = readonly [SupplyPointSchemeId, ...SupplyPointSchemeId[]];

export const supplyPoint = defineNode({
  kind: 'onboard/supply-point',
  version: 0,
  summary:
    'Checks a supply point code and writes its canonical form back. Valid: metadata supplyPoint.scheme, .stem, .suffix and .distributor. Invalid: metadata error is length, format, country, checksum or suffix.',
  since: '0.1.0',
  fields: {
    from: text('Key of the body that holds the code.', { default: 'CUPS', minLength: 1 }),
    schemes: json<Schemes>(
      'Codes that are accepted. Of several, the letters at the front of a code decide.',
      { type: 'array', items: { enum: supplyPointSchemeIds }, minItems: 1, uniqueItems: true },
      { default: ['es-cups'] },
    ),
  },
  relations: ['Valid', 'Invalid'],
  examples: [
    {
      title: 'Spaces and small letters are normalised',
      config: { from: 'CUPS' },
      msg: { data: { CUPS: 'es 1234-1234-5678-9012-jy 0f' } },
      goesTo: 'Valid',
      data: { CUPS: 'ES1234123456789012JY0F' },
      metadata: {
        'supplyPoint.scheme': 'es-cups',
        'supplyPoint.stem': 'ES1234123456789012JY',
        'supplyPoint.suffix': '0F',
        'supplyPoint.distributor': '1234',
      },
    },
    {
      title: 'Wrong control letters',
      config: { from: 'CUPS' },
      msg: { data: { CUPS: 'ES1234123456789012JX' } },
      goesTo: 'Invalid',
      metadata: { error: 'checksum' },
    },
  ],
  create({ from, schemes }) {
    return {
      onMsg(msg) {
        const data = dataObject(msg);
        const code = Object.hasOwn(data, from) ? data[from] : undefined;
        const result = normaliseSupplyPoint(code, schemes);
        if (!result.ok) {
          return { relation: 'Invalid', msg: withMsg(msg, { metadata: { ...msg.metadata, error: result.code } }) };
        }
        const { stem, suffix, operator } = result;
        const metadata: Record<string, string> = { ...msg.metadata };
        metadata['supplyPoint.scheme'] = result.key.scheme;
        metadata['supplyPoint.stem'] = stem;
        if (suffix === undefined) delete metadata['supplyPoint.suffix'];
        else metadata['supplyPoint.suffix'] = suffix;
        if (operator === undefined) delete metadata['supplyPoint.distributor'];
        else metadata['supplyPoint.distributor'] = operator;
        return {
          relation: 'Valid',
          msg: withMsg(msg, { data: { ...data, [from]: stem + (suffix ?? '') }, metadata }),
        };
      },
    };
  },
});
