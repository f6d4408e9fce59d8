import { isMsgData, withMsg } from '../../../model/msg.ts';
import { flag, texts } from '../../../schema/fields.ts';
import { compileKeys, lintKeys, readKeys, writeKeys } from '../../key-match.ts';
import { defineNode } from '../../node-kind.ts';
import { withoutKeys } from '../../record.ts';
import { sourceFromFlag, sourceFromKey } from '../../upgrade-steps.ts';

export const deleteKeys = defineNode({
  kind: 'transform/delete-keys',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.transform.TbDeleteKeysNode',
    version: 2,
    upgrades: [sourceFromFlag('deleteFrom'), sourceFromKey('dataToFetch', 'deleteFrom')],
    read: ({ deleteFrom, keys }) => readKeys('deleteFrom', deleteFrom, keys),
    write: (config) => writeKeys('deleteFrom', config),
  },
  version: 0,
  summary: 'Takes keys out of body and metadata; a key that is not there is no matter.',
  since: '0.1.0',
  fields: {
    msg: texts('Keys of the body; * stands for any letters.', { default: [], examples: [['debug_*']] }),
    metadata: texts('Keys of the metadata; * stands for any letters.', { default: [] }),
    regex: flag('Whether keys are regular expressions of the whole key, as in ThingsBoard, instead.', {
      default: false,
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'Keys by name and by pattern',
      config: { msg: ['CUPS', 'debug_*'] },
      msg: { data: { CUPS: 'ES1234123456789012JY', debug_heap: 812, model: 'GW-1' } },
      goesTo: 'Success',
      data: { model: 'GW-1' },
    },
    {
      title: 'Keys by regular expression',
      config: { msg: ['L[1-3]_raw'], regex: true },
      msg: { data: { L1_raw: 230, L2_raw: 231, L4_raw: 0 } },
      goesTo: 'Success',
      data: { L4_raw: 0 },
    },
  ],
  lint: lintKeys,
  create({ msg: msgKeys, metadata: metadataKeys, regex }) {
    const inData = compileKeys(msgKeys, regex);
    const inMetadata = compileKeys(metadataKeys, regex);
    return {
      onMsg(msg) {
        const data = isMsgData(msg.data) ? withoutKeys(msg.data, inData) : msg.data;
        const metadata = withoutKeys(msg.metadata, inMetadata);
        if (data === msg.data) return { relation: 'Success', msg: withMsg(msg, { metadata }) };
        return { relation: 'Success', msg: withMsg(msg, { data, metadata }) };
      },
    };
  },
});
