import { withMsg } from '../../../model/msg.ts';
import { textMap } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';

export const renameKeys = defineNode({
  kind: 'transform/rename-keys',
  thingsboard: 'org.thingsboard.rule.engine.transform.TbRenameKeysNode',
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
    return {
      onMsg: (msg) => ({
        relation: 'Success',
        msg: withMsg(msg, {
          ...(Object.keys(msgKeys).length > 0 ? { data: renamed(msg.data, msgKeys) } : {}),
          ...(Object.keys(metadataKeys).length > 0 ? { metadata: renamed(msg.metadata, metadataKeys) } : {}),
        }),
      }),
    };
  },
});

/** A renamed key wins over one that already had the name. */
function renamed<T>(object: Readonly<Record<string, T>>, map: Readonly<Record<string, string>>): Record<string, T> {
  const kept = Object.entries(object).filter(([key]) => !Object.hasOwn(map, key));
  const moved = Object.entries(object).flatMap(([key, value]) => {
    const to = Object.hasOwn(map, key) ? map[key] : undefined;
    return to === undefined ? [] : [[to, value] as const];
  });
  return Object.fromEntries([...kept, ...moved]);
}
