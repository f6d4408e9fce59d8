import { isMsgData, withMsg } from '../../../model/msg.ts';
import { texts } from '../../../schema/fields.ts';
import { defineNode } from '../../node-kind.ts';
import { withoutKeys } from '../../record.ts';

export const deleteKeys = defineNode({
  kind: 'transform/delete-keys',
  thingsboard: { type: 'org.thingsboard.rule.engine.transform.TbDeleteKeysNode', version: 2 },
  version: 0,
  summary: 'Takes keys out of body and metadata; a key that is not there is no matter.',
  since: '0.1.0',
  fields: {
    msg: texts('Keys of the body; * stands for any letters.', { default: [], examples: [['debug_*']] }),
    metadata: texts('Keys of the metadata; * stands for any letters.', { default: [] }),
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
  ],
  *lint({ msg, metadata }) {
    if (msg.length + metadata.length === 0)
      yield { at: '', problem: 'no key is named: nothing changes', level: 'warning' };
  },
  create({ msg: msgKeys, metadata: metadataKeys }) {
    const inData = matcher(msgKeys);
    const inMetadata = matcher(metadataKeys);
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

function matcher(patterns: readonly string[]): (key: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return (key) => exact.has(key) || globs.some((parts) => matchesGlob(key, parts));
}

/** Linear: each part is looked for once, from left to right; the last one must end the key. */
function matchesGlob(key: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!key.startsWith(first) || !key.endsWith(last) || key.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = key.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= key.length - last.length;
}
