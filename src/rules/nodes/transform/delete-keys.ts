import { isMsgData, withMsg } from '../../../model/msg.ts';
import { flag, texts } from '../../../schema/fields.ts';
import { compilePattern } from '../../condition-pattern.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { withoutKeys } from '../../record.ts';
import { ONE_PART, partOf, sourceFromFlag, sourceFromKey } from '../../upgrade-steps.ts';

/** What a regular expression reads otherwise than as itself. */
const SYNTAX = /[\\^$.*+?()[\]{}|]/;

export const deleteKeys = defineNode({
  kind: 'transform/delete-keys',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.transform.TbDeleteKeysNode',
    version: 2,
    upgrades: [sourceFromFlag('deleteFrom'), sourceFromKey('dataToFetch', 'deleteFrom')],
    read({ deleteFrom, keys }) {
      const part = partOf('deleteFrom', deleteFrom);
      if (!isTexts(keys)) throw new NodeFailure('"keys" is missing or no list of texts');
      return keys.some((key) => SYNTAX.test(key)) ? { [part]: keys, regex: true } : { [part]: keys };
    },
    write({ msg = [], metadata = [], regex = false }) {
      if (!isTexts(msg) || !isTexts(metadata)) throw new NodeFailure('keys must be lists of texts');
      if (msg.length > 0 && metadata.length > 0) throw new NodeFailure(ONE_PART);
      const keys = msg.length > 0 ? msg : metadata;
      return {
        deleteFrom: metadata.length > 0 ? 'METADATA' : 'DATA',
        keys: regex ? keys : keys.map(regexOfGlob),
      };
    },
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
  *lint({ msg, metadata, regex }) {
    if (msg.length + metadata.length === 0)
      yield { at: '', problem: 'no key is named: nothing changes', level: 'warning' };
    if (!regex) return;
    for (const [field, keys] of Object.entries({ msg, metadata })) {
      for (const [index, key] of keys.entries()) {
        const pattern = wholeKey(key);
        if (!pattern.ok) yield { at: `/${field}/${index}`, problem: pattern.problem };
      }
    }
  },
  create({ msg: msgKeys, metadata: metadataKeys, regex }) {
    const inData = regex ? patternMatcher(msgKeys) : globMatcher(msgKeys);
    const inMetadata = regex ? patternMatcher(metadataKeys) : globMatcher(metadataKeys);
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

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

const wholeKey = (pattern: string) => compilePattern(`^(?:${pattern})$`);

function patternMatcher(patterns: readonly string[]): (key: string) => boolean {
  const tests = patterns.map((pattern) => {
    const compiled = wholeKey(pattern);
    if (!compiled.ok) throw new Error(compiled.problem);
    return compiled.test;
  });
  return (key) => tests.some((test) => test(key));
}

function regexOfGlob(glob: string): string {
  return glob.replace(/[\\^$.+?()[\]{}|]/g, '\\$&').replaceAll('*', '.*');
}

function globMatcher(patterns: readonly string[]): (key: string) => boolean {
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
