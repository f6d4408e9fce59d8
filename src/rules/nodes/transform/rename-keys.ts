import { isMsgData, withMsg } from '../../../model/msg.ts';
import { textMap } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { setOwn } from '../../record.ts';
import { ONE_PART, partOf, sourceFromFlag, sourceFromKey } from '../../upgrade-steps.ts';

export const renameKeys = defineNode({
  kind: 'transform/rename-keys',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.transform.TbRenameKeysNode',
    version: 2,
    upgrades: [sourceFromFlag('renameIn'), sourceFromKey('fromMetadata', 'renameIn')],
    read: ({ renameIn, renameKeysMapping }) => ({ [partOf('renameIn', renameIn)]: renameKeysMapping ?? {} }),
    write({ msg = {}, metadata = {} }) {
      const inMetadata = Object.keys(metadata as object).length > 0;
      if (inMetadata && Object.keys(msg as object).length > 0) throw new NodeFailure(ONE_PART);
      return { renameIn: inMetadata ? 'METADATA' : 'DATA', renameKeysMapping: inMetadata ? metadata : msg };
    },
  },
  version: 0,
  summary: 'Renames keys of body and metadata, all at once; a key that is not there is no matter.',
  since: '0.1.0',
  fields: {
    msg: textMap('Old key -> new key of the body.', { default: {}, examples: [{ '1.8.0': 'importWh' }] }),
    metadata: textMap('Old key -> new key of the metadata.', { default: {} }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'OBIS codes get names',
      config: { msg: { '1.8.0': 'importWh', '2.8.0': 'exportWh' } },
      msg: { data: { '1.8.0': 120400, power: 230 } },
      goesTo: 'Success',
      data: { importWh: 120400, power: 230 },
    },
  ],
  *lint({ msg, metadata }) {
    for (const [field, map] of Object.entries({ msg, metadata })) {
      const seen = new Set<string>();
      for (const to of Object.values(map)) {
        if (seen.has(to)) yield { at: `/${field}`, problem: `two keys would both be named "${to}"` };
        seen.add(to);
      }
    }
  },
  create({ msg: msgKeys, metadata: metadataKeys }) {
    const inData = new Map(Object.entries(msgKeys));
    const inMetadata = new Map(Object.entries(metadataKeys));
    return {
      onMsg(msg) {
        const data = isMsgData(msg.data) ? renamed(msg.data, inData) : msg.data;
        const metadata = renamed(msg.metadata, inMetadata);
        if (data === msg.data) return { relation: 'Success', msg: withMsg(msg, { metadata }) };
        return { relation: 'Success', msg: withMsg(msg, { data, metadata }) };
      },
    };
  },
});

/** A renamed key wins over one that already had the name; the same object when no key is renamed. */
function renamed<T>(
  record: Readonly<Record<string, T>>,
  names: ReadonlyMap<string, string>,
): Readonly<Record<string, T>> {
  if (names.size === 0) return record;
  const keys = Object.keys(record);
  if (!keys.some((key) => names.has(key))) return record;
  const copy: Record<string, T> = {};
  for (const key of keys) if (!names.has(key)) setOwn(copy, key, record[key] as T);
  for (const key of keys) {
    const name = names.get(key);
    if (name !== undefined) setOwn(copy, name, record[key] as T);
  }
  return copy;
}
