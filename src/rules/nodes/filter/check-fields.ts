import { flag, texts } from '../../../schema/fields.ts';
import { dataObject, defineNode } from '../../node-kind.ts';

export const checkFields = defineNode({
  kind: 'filter/check-fields',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.filter.TbCheckMessageNode',
    version: 0,
    read: ({ messageNames, metadataNames, checkAllKeys }) => ({
      msg: messageNames ?? [],
      metadata: metadataNames ?? [],
      all: checkAllKeys ?? false,
    }),
    write: ({ msg = [], metadata = [], all = true }) => ({
      messageNames: msg,
      metadataNames: metadata,
      checkAllKeys: all,
    }),
  },
  version: 0,
  summary: 'Sends a message to True when keys are present in its body and metadata, whatever their values.',
  since: '0.1.0',
  fields: {
    msg: texts('Keys of the body, top level only.', { default: [], examples: [['CUPS']] }),
    metadata: texts('Keys of the metadata.', { default: [], examples: [['deviceType']] }),
    all: flag('Whether every key must be present; otherwise one is enough.', { default: true }),
  },
  relations: ['True', 'False'],
  examples: [
    {
      title: 'Both onboarding keys',
      config: { msg: ['Power_supplier_secret_key', 'CUPS'] },
      msg: { data: { Power_supplier_secret_key: 'key of the supplier', CUPS: 'ES1234123456789012JY' } },
      goesTo: 'True',
    },
    {
      title: 'One key of two is not enough',
      config: { msg: ['Power_supplier_secret_key', 'CUPS'] },
      msg: { data: { CUPS: 'ES1234123456789012JY' } },
      goesTo: 'False',
    },
    {
      title: 'A key with the value null is present',
      config: { msg: ['serial', 'model'], all: false },
      msg: { data: { serial: null } },
      goesTo: 'True',
    },
  ],
  *lint({ msg, metadata, all }) {
    if (msg.length + metadata.length > 0) return;
    const problem = `no key is asked for: every message goes to ${all ? 'True' : 'False'}`;
    yield { at: '', problem, level: 'warning' };
  },
  create({ msg: msgKeys, metadata: metadataKeys, all }) {
    return {
      onMsg(msg) {
        const data = dataObject(msg);
        const has = (key: string): boolean => Object.hasOwn(data, key);
        const hasMetadata = (key: string): boolean => Object.hasOwn(msg.metadata, key);
        const matches = all
          ? msgKeys.every(has) && metadataKeys.every(hasMetadata)
          : msgKeys.some(has) || metadataKeys.some(hasMetadata);
        return { relation: matches ? 'True' : 'False', msg };
      },
    };
  },
});
