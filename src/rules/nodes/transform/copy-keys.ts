import { isMsgData, withMsg } from '../../../model/msg.ts';
import { Secret } from '../../../model/secret.ts';
import { flag, texts } from '../../../schema/fields.ts';
import { metadataText } from '../../fetch.ts';
import { compileKeys, lintKeys, readKeys, writeKeys } from '../../key-match.ts';
import { defineNode } from '../../node-kind.ts';
import { copyRecord, setOwn } from '../../record.ts';
import { sourceFromFlag, sourceFromKey } from '../../upgrade-steps.ts';

export const copyKeys = defineNode({
  kind: 'transform/copy-keys',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.transform.TbCopyKeysNode',
    version: 2,
    upgrades: [sourceFromFlag('copyFrom'), sourceFromKey('fromMetadata', 'copyFrom')],
    read: ({ copyFrom, keys }) => readKeys('copyFrom', copyFrom, keys),
    write: (config) => writeKeys('copyFrom', config),
  },
  version: 0,
  summary:
    'Copies keys of the body into the metadata, and keys of the metadata into the body. Values of the body become texts; secrets are not copied. A body without members stays as it is.',
  since: '0.3.0',
  fields: {
    msg: texts('Keys of the body; * stands for any letters.', { default: [], examples: [['building']] }),
    metadata: texts('Keys of the metadata; * stands for any letters.', { default: [], examples: [['deviceName']] }),
    regex: flag('Whether keys are regular expressions of the whole key, as in ThingsBoard, instead.', {
      default: false,
    }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'The name of the device into the body',
      config: { metadata: ['deviceName'] },
      msg: { data: { power: 230 }, metadata: { deviceName: 'meter-1' } },
      goesTo: 'Success',
      data: { power: 230, deviceName: 'meter-1' },
    },
    {
      title: 'All phases into the metadata',
      config: { msg: ['L[1-3]'], regex: true },
      msg: { data: { L1: 230, L2: 231.5, L4: 0 } },
      goesTo: 'Success',
      metadata: { L1: '230', L2: '231.5' },
    },
  ],
  lint: lintKeys,
  create({ msg: msgKeys, metadata: metadataKeys, regex }) {
    const inData = compileKeys(msgKeys, regex);
    const inMetadata = compileKeys(metadataKeys, regex);
    return {
      onMsg(msg) {
        if (!isMsgData(msg.data)) return { relation: 'Success', msg };
        const metadata = copyRecord(msg.metadata);
        const data = copyRecord(msg.data);
        for (const [key, value] of Object.entries(msg.data)) {
          if (!(value instanceof Secret) && inData(key)) setOwn(metadata, key, metadataText(value));
        }
        let changed = false;
        for (const [key, value] of Object.entries(msg.metadata)) {
          if (!inMetadata(key)) continue;
          setOwn(data, key, value);
          changed = true;
        }
        return { relation: 'Success', msg: withMsg(msg, changed ? { data, metadata } : { metadata }) };
      },
    };
  },
});
