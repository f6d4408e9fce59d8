import type { JsonObject } from '../../../model/json.ts';
import { withMsg } from '../../../model/msg.ts';
import { json, textMap } from '../../../schema/fields.ts';
import { dataObject, defineNode } from '../../node-kind.ts';
import { copyRecord, setOwn } from '../../record.ts';
import { compileJson, compileText } from '../../template.ts';

export const setKeys = defineNode({
  kind: 'transform/set-keys',
  version: 0,
  summary:
    'Sets keys of body and metadata. All placeholders read the message as it came; one without a value, or naming a secret, is a failure.',
  since: '0.1.0',
  fields: {
    msg: json<JsonObject>(
      'Key -> value for the body; ${key} is metadata, $[key] the body.',
      { type: 'object' },
      { default: {}, examples: [{ site: 'Zaragoza', supplier: '${supplierName}' }] },
    ),
    metadata: textMap('Key -> text for the metadata, with the same placeholders.', { default: {} }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A whole placeholder keeps its type',
      config: { msg: { power: '$[p]', device: '${deviceName}' } },
      msg: { data: { p: 230 }, metadata: { deviceName: 'meter-1' } },
      goesTo: 'Success',
      data: { p: 230, power: 230, device: 'meter-1' },
    },
  ],
  *lint({ msg, metadata }) {
    const count = Object.keys(msg).length + Object.keys(metadata).length;
    if (count === 0) yield { at: '', problem: 'no key is named: nothing changes', level: 'warning' };
  },
  create({ msg: body, metadata }) {
    const dataMembers = Object.entries(body).map(([key, value]) => [key, compileJson(value)] as const);
    const metadataMembers = Object.entries(metadata).map(([key, value]) => [key, compileText(value)] as const);
    return {
      onMsg(msg) {
        const metadata = copyRecord(msg.metadata);
        for (const [key, value] of metadataMembers) setOwn(metadata, key, value(msg));
        if (dataMembers.length === 0) return { relation: 'Success', msg: withMsg(msg, { metadata }) };
        const data = copyRecord(dataObject(msg));
        for (const [key, value] of dataMembers) setOwn(data, key, value(msg));
        return { relation: 'Success', msg: withMsg(msg, { data, metadata }) };
      },
    };
  },
});
